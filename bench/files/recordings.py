"""A long recording of real English speech with its reference: all labelled clips in sequence."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from api.client.audio_source import read_file
from bench.speech import GAP_S, Speech, SpeechClip
from schema.core.errors import InvalidInput
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ, samples_of_s

MARKS = ("[adif]", "<VOCNOISE>")
"""Marks in references that are not words."""


def recording(shared: Path, seconds: float) -> Speech:
    """At least *seconds* of read and spontaneous English. After 14 minutes the clips repeat in another order.

    Raises InvalidInput if the recordings are missing.
    """
    audio = shared / "audio"
    if not (audio / "manifest.csv").is_file():
        raise InvalidInput(f"{audio / 'manifest.csv'} not found; name the folder of the recordings with --shared")
    gap = bytes(samples_of_s(GAP_S) * BYTES_PER_SAMPLE)
    taken: list[SpeechClip] = []
    length_s = 0.0
    for clip in _shuffled(_clips(audio)):
        taken.append(clip)
        length_s += clip.seconds + GAP_S
        if length_s >= seconds:
            break
    pcm = b"".join(clip.pcm + gap for clip in taken)
    return Speech(f"{len(taken)} clips", pcm, " ".join(clip.text for clip in taken))


def _shuffled(clips: list[SpeechClip]) -> Iterator[SpeechClip]:
    rng = random.Random(1)
    while True:
        yield from rng.sample(clips, len(clips))


def _clips(audio: Path) -> list[SpeechClip]:
    with (audio / "manifest.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["language"] == "en"]
    return [SpeechClip(read_file(audio / row["file"]), reference_text(audio / row["reference"])) for row in rows]


def reference_text(path: Path) -> str:
    """The words of a reference. In those of AMI, a speaker letter begins each line."""
    lines = [line[3:] if line[1:3] == ": " else line for line in path.read_text().strip().splitlines()]
    text = " ".join(lines)
    for mark in MARKS:
        text = text.replace(mark, "")
    return text


def write_flac(speech: Speech, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.frombuffer(speech.pcm, "<i2"), SAMPLE_RATE_HZ, subtype="PCM_16")
    return path
