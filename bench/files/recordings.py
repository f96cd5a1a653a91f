"""A long recording of real speech with its reference: everything labelled that is English, one after another."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from api.client.audio_source import read_file
from bench.speech import GAP_S, Clip, Speech
from schema.core.errors import InvalidInput
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ, samples_of_s

MARKS = ("[adif]", "<VOCNOISE>")
"""In a reference, but no words."""


def recording(shared: Path, seconds: float) -> Speech:
    """At least *seconds* of read and spontaneous English. Past 14 minutes the clips come again, in another order.

    Raises InvalidInput when the recordings are not there.
    """
    audio = shared / "audio"
    if not (audio / "manifest.csv").is_file():
        raise InvalidInput(f"{audio / 'manifest.csv'} not found; name the folder of the recordings with --shared")
    gap = bytes(samples_of_s(GAP_S) * BYTES_PER_SAMPLE)
    taken: list[Clip] = []
    length_s = 0.0
    for clip in _shuffled(_clips(audio)):
        taken.append(clip)
        length_s += clip.seconds + GAP_S
        if length_s >= seconds:
            break
    pcm = b"".join(clip.pcm + gap for clip in taken)
    return Speech(f"{len(taken)} clips", pcm, " ".join(clip.text for clip in taken))


def _shuffled(clips: list[Clip]) -> Iterator[Clip]:
    chance = random.Random(1)
    while True:
        yield from chance.sample(clips, len(clips))


def _clips(audio: Path) -> list[Clip]:
    with (audio / "manifest.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["language"] == "en"]
    return [Clip(read_file(audio / row["file"]), _text(audio / row["reference"])) for row in rows]


def _text(path: Path) -> str:
    """The words of a reference; those of AMI have the speaker's letter before each line."""
    lines = [line[3:] if line[1:3] == ": " else line for line in path.read_text().strip().splitlines()]
    text = " ".join(lines)
    for mark in MARKS:
        text = text.replace(mark, "")
    return text


def write_flac(speech: Speech, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.frombuffer(speech.pcm, "<i2"), SAMPLE_RATE_HZ, subtype="PCM_16")
    return path
