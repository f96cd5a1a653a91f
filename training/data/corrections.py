"""Users' corrections as a data set: what a segment should have said, with its audio where the file is still stored, and
what the minutes should have said of a window.

    OUT/v1/train.jsonl, clips/*.flac, minutes.jsonl, dataset.json, README.md

The two manifests are splits of one folder. A version never changes. Building again without new corrections gives the
version that is there.
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
from workers.ingest.media import Recording

MANIFEST, MINUTES = "train.jsonl", "minutes.jsonl"
FACTS = "dataset.json"


@dataclass(frozen=True, slots=True)
class Corrected:
    """A segment whose words somebody changed. Samples are those of its track."""

    id: int
    meeting_id: str
    track_id: str
    language: str
    first_sample: int
    end_sample: int
    heard: str
    text: str


@dataclass(frozen=True, slots=True)
class Built:
    """`fresh` is false where this very data set had been built before."""

    folder: Path
    version: int
    examples: int
    with_audio: int
    audio_s: float
    fingerprint: str
    windows: int = 0
    """Of which the minutes were corrected."""
    fresh: bool = True


def build(database: Database, files: Files, out: Path) -> Built:
    """Write the next version of the data set into *out*. Raises InvalidData where nobody has corrected anything."""
    with database.read() as session:
        found, windows = corrected(session), corrected_windows(session)
    if not found and not windows:
        raise InvalidData(
            "Nobody has corrected a word of a transcript or of minutes yet, so there is nothing to train on."
        )
    out.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=out))
    try:
        rows = _written(database, files, draft, found) if found else []
        if windows:
            _write_manifest(draft / MINUTES, windows)
        return _kept(out, draft, rows, windows)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def corrected(session: Session) -> list[Corrected]:
    """Segments whose words differ from what was heard, of the versions of meetings that are shown."""
    wanted = (
        select(Segment, Meeting.language)
        .join(Meeting, Meeting.id == Segment.meeting_id)
        .where(Segment.corrected, Segment.closed, Meeting.shown)
        .order_by(Segment.meeting_id, Segment.first_sample, Segment.id)
    )
    found = [_of(segment, language) for segment, language in session.execute(wanted)]
    changed = [each for each in found if each.text and each.text.split() != each.heard.split()]
    return [each for each in changed if each.first_sample < each.end_sample]


def _of(segment: Segment, language: str) -> Corrected:
    heard = "".join(str(word[0]) for word in segment.words).strip()
    span = (segment.first_sample, segment.end_sample)
    return Corrected(segment.id, segment.meeting_id, segment.track_id, language, *span, heard, segment.text.strip())


def _written(database: Database, files: Files, draft: Path, found: Sequence[Corrected]) -> list[dict[str, Any]]:
    """The rows of the manifest, whose clips are in *draft*."""
    (draft / "clips").mkdir()
    rows: list[dict[str, Any]] = []
    for meeting_id, members in groupby(found, key=lambda each: each.meeting_id):
        segments = list(members)
        clips = _clips(database, files, draft / "clips", meeting_id, segments)
        for each in segments:
            row = {"id": f"{meeting_id}/{each.id}", "text": each.text, "language": each.language, "group": meeting_id}
            rows.append(row | ({"audio": f"clips/{clips[each.id].name}"} if each.id in clips else {}))
    _write_manifest(draft / MANIFEST, rows)
    return rows


def _write_manifest(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _clips(
    database: Database, files: Files, folder: Path, meeting_id: str, segments: Sequence[Corrected]
) -> dict[int, Path]:
    """The audio of *segments* by id, from the meeting's upload; none where its file is no longer stored."""
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
        for segment, samples in _cut(Recording(file, Channels(upload.channels)), tracks, segments):
            paths[segment.id] = folder / f"{segment.id}.flac"
            soundfile.write(paths[segment.id], samples, SAMPLE_RATE_HZ)
    return paths


def _cut(
    recording: Recording, tracks: Sequence[str], segments: Sequence[Corrected]
) -> Iterator[tuple[Corrected, NDArray[np.int16]]]:
    """Each segment with its samples, while the recording streams by; one that passes its end is left out."""
    waiting = sorted(segments, key=lambda each: each.end_sample)
    pieces: dict[int, list[NDArray[np.int16]]] = {each.id: [] for each in waiting}
    at = 0
    for block in recording.blocks():
        end = at + block.shape[1]
        for each in waiting:
            first, last = max(each.first_sample, at), min(each.end_sample, end)
            if first < last:
                pieces[each.id].append(block[tracks.index(each.track_id), first - at : last - at])
        while waiting and waiting[0].end_sample <= end:
            done = waiting.pop(0)
            yield done, np.concatenate(pieces.pop(done.id))
        at = end


def _kept(out: Path, draft: Path, rows: Sequence[dict[str, Any]], windows: Sequence[dict[str, Any]]) -> Built:
    """*draft* as the next version, or the last one if it is the same."""
    parts = [load(draft / name) for name in (MANIFEST, MINUTES) if (draft / name).exists()]
    fingerprint = _fingerprint(parts)
    versions = sorted(int(path.name[1:]) for path in out.glob("v*") if path.name[1:].isdigit())
    if versions:
        last = json.loads((out / f"v{versions[-1]}" / FACTS).read_text(encoding="utf-8"))
        if last["fingerprint"] == fingerprint:
            return Built(**(last | {"folder": out / f"v{versions[-1]}", "fresh": False}))
    version = (versions or [0])[-1] + 1
    with_audio = [at for at, row in enumerate(rows) if "audio" in row]
    audio_s = round(sum(parts[0].lengths[at] for at in with_audio), 2)
    counts = (len(rows), len(with_audio), audio_s)
    built = Built(out / f"v{version}", version, *counts, fingerprint, len(windows))
    facts = asdict(built) | {"folder": built.folder.name}
    (draft / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
    (draft / "README.md").write_text(_card(built, [*rows, *windows]), encoding="utf-8")
    draft.rename(built.folder)
    return built


def _fingerprint(parts: Sequence[Dataset]) -> str:
    """That of the one part, or of both."""
    if len(parts) == 1:
        return parts[0].fingerprint
    return sha256(" ".join(part.fingerprint for part in parts).encode()).hexdigest()


def _card(built: Built, rows: Sequence[dict[str, Any]]) -> str:
    languages = ", ".join(sorted({row["language"] for row in rows}))
    meetings = len({row["group"] for row in rows})
    return f"""# Corrections, version {built.version}

Segments of transcripts whose words users corrected (`train.jsonl`), and windows of meetings with what the minutes say
of them after users corrected it (`minutes.jsonl`), {now():%Y-%m-%d}.

| | |
| --- | --- |
| meetings | {meetings} |
| segments | {built.examples} |
| with audio | {built.with_audio}, {built.audio_s / 60:.1f} minutes |
| windows with minutes | {built.windows} |
| languages | {languages} |
| fingerprint | `{built.fingerprint}` |

The words are people's, spoken in their meetings: treat this folder as the recordings are treated. Only what somebody
found worth correcting is here, so it is no fair sample to measure on. Segments without audio are of live meetings, or
of files that were deleted; a recogniser cannot learn from them. What of a window's minutes nobody corrected was written
by a model.
"""
