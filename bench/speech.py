"""Meetings for the benchmark: real speech with references, combined differently for each meeting."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from api.client.audio_source import read_file
from schema.core.units import BYTES_PER_SAMPLE, s_of_samples, samples_of_s

GAP_S = 0.4
DEMO = Path(__file__).resolve().parent.parent / "deploy" / "demo"


@dataclass(frozen=True, slots=True)
class SpeechClip:
    pcm: bytes
    text: str

    @property
    def seconds(self) -> float:
        return s_of_samples(len(self.pcm) // BYTES_PER_SAMPLE)


@dataclass(frozen=True, slots=True)
class Speech:
    """One meeting: 16 kHz mono PCM16, and its reference text."""

    name: str
    pcm: bytes
    reference: str

    @property
    def seconds(self) -> float:
        return s_of_samples(len(self.pcm) // BYTES_PER_SAMPLE)


def meetings(shared: Path, count: int, seconds: float) -> list[Speech]:
    """*count* meetings of at least *seconds*, each with its clips in a different order.

    Three of four are readers of LibriSpeech and FLEURS, every fourth is a part of a meeting with four synthetic voices.
    Without the local recordings all are parts of the sample meeting.
    """
    audio = shared / "audio"
    if not audio.is_dir():
        turns = _turns(DEMO / "meeting.flac", DEMO / "segments.json")
        return [_stretch("sample meeting", turns, number, seconds) for number in range(count)]
    readers = [*_readers(audio / "librispeech"), _clips(sorted((audio / "fleurs").glob("fleurs-en-*.ogg")))]
    turns = _turns(audio / "meeting_IS1008a" / "audio.ogg", audio / "meeting_IS1008a" / "segments.json")
    return [
        _stretch("IS1008a", turns, number, seconds) if number % 4 == 3 else _reading(readers, number, seconds)
        for number in range(count)
    ]


def _readers(folder: Path) -> list[list[SpeechClip]]:
    names = sorted({path.name.split("-")[0] for path in folder.glob("*.flac")})
    return [_clips(sorted(folder.glob(f"{name}-*.flac"))) for name in names]


def _clips(paths: list[Path]) -> list[SpeechClip]:
    return [SpeechClip(read_file(path), path.with_suffix(".txt").read_text().strip()) for path in paths]


def _turns(audio: Path, segments: Path) -> list[SpeechClip]:
    pcm, listed = read_file(audio), json.loads(segments.read_text())
    turns = listed["segments"] if isinstance(listed, dict) else listed
    return [SpeechClip(_cut(pcm, _start_s(turn), _end_s(turn)), turn["text"]) for turn in turns]


def _cut(pcm: bytes, start_s: float, end_s: float) -> bytes:
    return pcm[samples_of_s(start_s) * BYTES_PER_SAMPLE : samples_of_s(end_s) * BYTES_PER_SAMPLE]


def _start_s(turn: dict[str, float]) -> float:
    return float(turn["start_s"] if "start_s" in turn else turn["start"])


def _end_s(turn: dict[str, float]) -> float:
    return float(turn["end_s"] if "end_s" in turn else turn["end"])


def _reading(readers: list[list[SpeechClip]], number: int, seconds: float) -> Speech:
    """Reader *number* first, then the following ones if that is too short. The clips of each are shuffled."""
    rng = random.Random(number)
    turned = readers[number % len(readers) :] + readers[: number % len(readers)]
    clips = (clip for reader in turned for clip in rng.sample(reader, len(reader)))
    return _joined(f"readers-{number}", clips, seconds)


def _stretch(name: str, turns: list[SpeechClip], number: int, seconds: float) -> Speech:
    """Consecutive turns from a different start for each *number*, continuing at the beginning after the end."""
    first = random.Random(number).randrange(len(turns))
    return _joined(f"{name}-{first}", iter(turns[first:] + turns[:first]), seconds)


def _joined(name: str, clips: Iterator[SpeechClip], seconds: float) -> Speech:
    gap = bytes(samples_of_s(GAP_S) * BYTES_PER_SAMPLE)
    taken: list[SpeechClip] = []
    for clip in clips:
        taken.append(clip)
        if sum(each.seconds + GAP_S for each in taken) >= seconds:
            break
    return Speech(name, gap.join(clip.pcm for clip in taken) + gap, " ".join(clip.text for clip in taken))
