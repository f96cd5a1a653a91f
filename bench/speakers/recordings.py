"""Recordings whose speakers are known: a synthetic meeting, readers mixed on one track, and clips of real meetings."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from api.client.audio_source import read_file
from bench.speakers.score import ReferenceWord, SpeakerTurn
from schema.core.units import SAMPLE_RATE_HZ, s_of_samples, samples_of_s
from schema.speech.vad import speech_spans

GAP_S = 0.3
OVERLAP_S = 0.7
"""How far a turn of the hard mix may reach into the next one."""
READERS, HARD_READERS = 4, 6
CLIPS_OF_READER = 6


@dataclass(frozen=True, slots=True)
class KnownRecording:
    group: str
    name: str
    audio: NDArray[np.int16]
    turns: list[SpeakerTurn]
    spoken: list[SpeakerTurn]
    """The parts of `turns` in which somebody speaks, if the recording of each turn is known; else `turns`."""
    words: list[ReferenceWord]

    @property
    def seconds(self) -> float:
        return s_of_samples(len(self.audio))


def recordings(shared: Path) -> Iterator[KnownRecording]:
    """All recordings of the benchmark, from the folder *shared*."""
    audio = shared / "audio"
    yield synthetic_meeting(audio / "meeting_IS1008a")
    yield readers_mixed(audio / "librispeech", READERS, hard=False)
    yield readers_mixed(audio / "librispeech", HARD_READERS, hard=True)
    for clip in sorted((audio / "ami").glob("*.segments.json")):
        yield real_clip(clip)


def _read(path: Path) -> NDArray[np.int16]:
    return np.frombuffer(read_file(path), dtype="<i2").astype(np.int16, copy=False)


def synthetic_meeting(folder: Path, seconds: float | None = None) -> KnownRecording:
    """Four synthetic voices. Nobody interrupts anybody. *seconds* keeps only the beginning."""
    listed = json.loads((folder / "segments.json").read_text())["segments"]
    turns = [(each["speaker"], each["start_s"], each["end_s"], each["text"]) for each in listed]
    whole = _read(folder / "audio.ogg")
    if seconds is not None:
        whole, turns = whole[: samples_of_s(seconds)], [turn for turn in turns if turn[2] <= seconds]
    return _recording("synthetic meeting", folder.name, whole, turns)


def real_clip(segments: Path) -> KnownRecording:
    """Half a minute of a real meeting, mixed from headsets. People talk at the same time."""
    name = segments.name.removesuffix(".segments.json")
    listed = json.loads(segments.read_text())
    turns = [(each["spk"], each["s"], each["e"], each["t"]) for each in listed]
    return _recording("real clips", name, _read(segments.with_name(f"{name}.flac")), turns)


def readers_mixed(folder: Path, count: int, *, hard: bool) -> KnownRecording:
    """Utterances of *count* readers in a shuffled order. The *hard* mix has reverberation, noise and overlap."""
    rng = random.Random(count)
    names = sorted({path.name.split("-")[0] for path in folder.glob("*.flac")})[:count]
    clips = [path for name in names for path in sorted(folder.glob(f"{name}-*.flac"))[:CLIPS_OF_READER]]
    rng.shuffle(clips)
    placed: list[tuple[str, int, NDArray[np.int16], str]] = []
    at = 0
    for path in clips:
        sound = _read(path)
        placed.append((path.name.split("-")[0], at, sound, path.with_suffix(".txt").read_text().strip()))
        at += len(sound) + samples_of_s(-rng.random() * OVERLAP_S if hard and rng.random() < 0.5 else GAP_S)
    whole = np.zeros(max(start + len(sound) for _, start, sound, _ in placed), np.float64)
    for _, start, sound, _ in placed:
        whole[start : start + len(sound)] += sound
    if hard:
        whole = _far_and_noisy(whole)
    turns = [(who, s_of_samples(start), s_of_samples(start + len(sound)), text) for who, start, sound, text in placed]
    clipped = np.clip(whole, -32768, 32767).astype(np.int16)
    recording = _recording("readers, far and noisy" if hard else "readers", f"{count} readers", clipped, turns)
    spoken = [
        SpeakerTurn(who, s_of_samples(start + first), s_of_samples(start + end))
        for who, start, sound, _ in placed
        for first, end in speech_spans(sound)
    ]
    return replace(recording, spoken=spoken)


def _far_and_noisy(audio: NDArray[np.float64]) -> NDArray[np.float64]:
    """A room with a reverberation of half a second, and noise 20 dB below the speech."""
    rng = np.random.default_rng(1)
    length = SAMPLE_RATE_HZ // 2
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= 0.4 / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    size = 1 << (len(audio) + length).bit_length()
    far = np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(tail, size), size)[: len(audio)]
    level = np.sqrt((far**2).mean())
    return np.asarray(far + rng.standard_normal(len(far)) * level * 0.1)


def _recording(
    group: str, name: str, audio: NDArray[np.int16], said: list[tuple[str, float, float, str]]
) -> KnownRecording:
    turns = [SpeakerTurn(who, start_s, end_s) for who, start_s, end_s, _ in said]
    words = [word for who, start_s, end_s, text in said for word in _words(who, start_s, end_s, text)]
    return KnownRecording(group, name, audio, turns, turns, words)


def _words(who: str, start_s: float, end_s: float, text: str) -> Iterator[ReferenceWord]:
    """The words of a turn. They share its time by their letters, because the references have no word times."""
    ends = np.cumsum([0, *(len(word) + 1 for word in text.split())])
    if len(ends) > 1:
        times = start_s + ends * ((end_s - start_s) / ends[-1])
        yield from (ReferenceWord(who, float(one), float(two)) for one, two in pairwise(times))
