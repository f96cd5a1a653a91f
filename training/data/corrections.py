"""User corrections as a data set: the correct words of a segment, with audio if the file is still stored, and the
correct minutes of a window.

    OUT/v1/train.jsonl, clips/*.flac, minutes.jsonl, dataset.json, README.md

The two manifests are splits of one folder. A version never changes. Building again without new corrections returns the
existing version.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.core.database import Database
from schema.core.errors import InvalidData, NotFound
from schema.core.states import Channels
from schema.core.storage import Files
from schema.core.tables import now
from schema.core.units import SAMPLE_RATE_HZ
from schema.meetings.tables import Meeting, Segment
from schema.uploads.lifecycle import file_id_of
from schema.uploads.tables import Upload
from training.data.corrected_minutes import corrected_windows
from training.data.dataset import Dataset
from training.data.sources import load
from workers.ingest.feeding import tracks_of
from workers.ingest.merger import Hole, length_of
from workers.ingest.recorded_tracks import RecordedTracks

MANIFEST, MINUTES = "train.jsonl", "minutes.jsonl"
FACTS = "dataset.json"


@dataclass(frozen=True, slots=True)
class CorrectedSegment:
    """A segment whose words a user changed. Positions are in samples of its track."""

    id: int
    meeting_id: str
    track_id: str
    language: str
    first_sample: int
    end_sample: int
    recognised: str
    text: str


@dataclass(frozen=True, slots=True)
class BuiltDataset:
    """A version of the data set. `fresh` is false if it existed already."""

    folder: Path
    version: int
    examples: int
    with_audio: int
    audio_s: float
    fingerprint: str
    windows: int = 0
    """Windows with corrected minutes."""
    fresh: bool = True


def build(database: Database, files: Files, out: Path) -> BuiltDataset:
    """Write the next version of the data set into *out*. Raises InvalidData if there are no corrections."""
    with database.read() as session:
        found, windows = corrected_segments(session), corrected_windows(session)
    if not found and not windows:
        raise InvalidData("There are no corrections of transcripts or minutes yet, so there is nothing to train on.")
    out.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=out))
    try:
        rows = _write_examples(database, files, draft, found) if found else []
        if windows:
            _write_manifest(draft / MINUTES, windows)
        return _publish_version(out, draft, rows, windows)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def corrected_segments(session: Session) -> list[CorrectedSegment]:
    """Segments whose corrected words differ from the recognised ones, in meetings that are shown."""
    query = (
        select(Segment, Meeting.language)
        .join(Meeting, Meeting.id == Segment.meeting_id)
        .where(Segment.corrected, Segment.closed, Meeting.shown)
        .order_by(Segment.meeting_id, Segment.first_sample, Segment.id)
    )
    found = [_corrected_segment(segment, language) for segment, language in session.execute(query)]
    changed = [each for each in found if each.text and each.text.split() != each.recognised.split()]
    return [each for each in changed if each.first_sample < each.end_sample]


def _corrected_segment(segment: Segment, language: str) -> CorrectedSegment:
    recognised = "".join(str(word[0]) for word in segment.words).strip()
    span = (segment.first_sample, segment.end_sample)
    return CorrectedSegment(
        segment.id, segment.meeting_id, segment.track_id, language, *span, recognised, segment.text.strip()
    )


def _write_examples(
    database: Database, files: Files, draft: Path, found: Sequence[CorrectedSegment]
) -> list[dict[str, Any]]:
    """Write the clips into *draft* and the manifest next to them. Returns the rows of the manifest."""
    (draft / "clips").mkdir()
    rows: list[dict[str, Any]] = []
    for meeting_id, members in groupby(found, key=lambda each: each.meeting_id):
        segments = list(members)
        clips = _write_clips(database, files, draft / "clips", meeting_id, segments)
        for each in segments:
            row = {"id": f"{meeting_id}/{each.id}", "text": each.text, "language": each.language, "group": meeting_id}
            rows.append(row | ({"audio": f"clips/{clips[each.id].name}"} if each.id in clips else {}))
    _write_manifest(draft / MANIFEST, rows)
    return rows


def _write_manifest(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _write_clips(
    database: Database, files: Files, folder: Path, meeting_id: str, segments: Sequence[CorrectedSegment]
) -> dict[int, Path]:
    """Write the audio of *segments*. Returns paths by segment id; none if the meeting's upload is no longer stored."""
    with database.read() as session:
        upload = session.scalar(select(Upload).where(Upload.meeting_id == meeting_id))
        tracks = [track.id for track in tracks_of(session, meeting_id)]
    if upload is None or upload.file_deleted_at is not None:
        return {}
    try:
        file = files.open(file_id_of(upload))
    except NotFound:
        return {}
    paths = {}
    with file:
        recorded = RecordedTracks(file, Channels(upload.channels), upload.streams)
        for segment, samples in _cut_segments(recorded, tracks, segments):
            paths[segment.id] = folder / f"{segment.id}.flac"
            soundfile.write(paths[segment.id], samples, SAMPLE_RATE_HZ)
    return paths


def _cut_segments(
    recorded: RecordedTracks, tracks: Sequence[str], segments: Sequence[CorrectedSegment]
) -> Iterator[tuple[CorrectedSegment, NDArray[np.int16]]]:
    """Yield each segment with its samples while the recording streams by. Segments that pass its end are skipped."""
    waiting = sorted(segments, key=lambda each: each.end_sample)
    pieces: dict[int, list[NDArray[np.int16]]] = {each.id: [] for each in waiting}
    at = 0
    for part in recorded.parts():
        end = at + length_of(part)
        for each in waiting:
            first, last = max(each.first_sample, at), min(each.end_sample, end)
            if first < last and not isinstance(part, Hole):
                pieces[each.id].append(part[tracks.index(each.track_id), first - at : last - at])
        while waiting and waiting[0].end_sample <= end:
            done = waiting.pop(0)
            yield done, np.concatenate(pieces.pop(done.id))
        at = end


def _publish_version(
    out: Path, draft: Path, rows: Sequence[dict[str, Any]], windows: Sequence[dict[str, Any]]
) -> BuiltDataset:
    """Make *draft* the next version, or return the last one if nothing changed."""
    parts = [load(draft / name) for name in (MANIFEST, MINUTES) if (draft / name).exists()]
    fingerprint = _fingerprint(parts)
    versions = sorted(int(path.name[1:]) for path in out.glob("v*") if path.name[1:].isdigit())
    if versions:
        last = json.loads((out / f"v{versions[-1]}" / FACTS).read_text(encoding="utf-8"))
        if last["fingerprint"] == fingerprint:
            return BuiltDataset(**(last | {"folder": out / f"v{versions[-1]}", "fresh": False}))
    version = (versions or [0])[-1] + 1
    with_audio = [at for at, row in enumerate(rows) if "audio" in row]
    audio_s = round(sum(parts[0].lengths[at] for at in with_audio), 2)
    counts = (len(rows), len(with_audio), audio_s)
    built = BuiltDataset(out / f"v{version}", version, *counts, fingerprint, len(windows))
    facts = asdict(built) | {"folder": built.folder.name}
    (draft / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
    (draft / "README.md").write_text(_card(built, [*rows, *windows]), encoding="utf-8")
    draft.rename(built.folder)
    return built


def _fingerprint(parts: Sequence[Dataset]) -> str:
    """The fingerprint of the only part, or a combined one for both."""
    if len(parts) == 1:
        return parts[0].fingerprint
    return sha256(" ".join(part.fingerprint for part in parts).encode()).hexdigest()


def _card(built: BuiltDataset, rows: Sequence[dict[str, Any]]) -> str:
    languages = ", ".join(sorted({row["language"] for row in rows}))
    meetings = len({row["group"] for row in rows})
    return f"""# Corrections, version {built.version}

Transcript segments whose words users corrected (`train.jsonl`), and windows of meetings with their minutes as users
corrected them (`minutes.jsonl`), {now():%Y-%m-%d}.

| | |
| --- | --- |
| meetings | {meetings} |
| segments | {built.examples} |
| with audio | {built.with_audio}, {built.audio_s / 60:.1f} minutes |
| windows with minutes | {built.windows} |
| languages | {languages} |
| fingerprint | `{built.fingerprint}` |

These are words that people spoke in their meetings, so treat this folder like the recordings. Only what somebody
found worth correcting is included, so it is not a fair test set. Segments without audio come from live meetings or
deleted files; a recogniser cannot learn from them. The parts of a window's minutes that nobody corrected were written
by a model.
"""
