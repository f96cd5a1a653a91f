"""Meetings with audio and human summaries.

    FOLDER/data/meetings/SPLIT.jsonl.gz      the meetings, as `training/data/meetings.py` reads them
    FOLDER/audio/meeting_ID/segments.json    {"segments": [{"start_s", "end_s", "text", "turn"}]}: the turns as spoken
    FOLDER/audio/meeting_ID/audio.ogg        or .flac, .wav

An example is a window that supports a sentence of the summary, with its part of the audio.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from schema.core.errors import InvalidData
from training.data.checks import Fault
from training.data.dataset import Example
from training.data.manifests import AUDIO_ENDINGS
from training.data.meetings import NoteWindow, note_windows, read_meetings

AUDIO, PREFIX = "audio", "meeting_"


def spoken_windows(folder: Path, split: str, language: str) -> Iterator[Example | Fault]:
    """Windows of those meetings in *split* that have audio. Raises InvalidData if none has."""
    found = False
    for meeting in read_meetings(folder / "data" / "meetings" / f"{split}.jsonl.gz"):
        meeting_folder = folder / AUDIO / f"{PREFIX}{meeting.id}"
        if not meeting_folder.is_dir():
            continue
        found = True
        audio, turns = _audio_file(meeting_folder), _turns(meeting_folder / "segments.json")
        for window in note_windows(meeting):
            spoken = [turns[segment.id] for segment in window.segments if segment.id in turns]
            if window.sentences and spoken:
                yield _example(window, audio, spoken, language)
    if not found:
        raise InvalidData(
            f"{folder / AUDIO} has no folder {PREFIX}ID for a meeting of the split {split!r}. Correct the path."
        )


def _example(window: NoteWindow, audio: Path, spoken: Sequence[Mapping[str, Any]], language: str) -> Example:
    return Example(
        f"{window.meeting}/{window.number}",
        f"{window.where}/{window.number}",
        audio=audio,
        start_s=float(spoken[0]["start_s"]),
        end_s=float(spoken[-1]["end_s"]),
        text="\n".join(str(turn["text"]) for turn in spoken),
        summary=" ".join(sentence.text for sentence in window.sentences),
        language=language,
        group=window.meeting,
    )


def _audio_file(meeting_folder: Path) -> Path:
    paths = [path for ending in AUDIO_ENDINGS if (path := meeting_folder / f"audio{ending}").is_file()]
    if not paths:
        raise InvalidData(f"{meeting_folder} has no audio file; put audio{AUDIO_ENDINGS[0]} there.")
    return paths[0]


def _turns(path: Path) -> dict[int, Mapping[str, Any]]:
    try:
        return {int(turn["turn"]): turn for turn in json.loads(path.read_text(encoding="utf-8"))["segments"]}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InvalidData(f"{path} is not a list of turns with times: {error!r}.") from error
