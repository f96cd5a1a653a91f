"""The audio of examples: facts about a file, its checksum, and its samples as Whisper reads them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schema.core.errors import InvalidData
from schema.core.units import SAMPLE_RATE_HZ
from training.data.dataset import Example

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class AudioFacts:
    rate_hz: int
    channels: int
    duration_s: float
    sha256: str


@lru_cache(maxsize=1024)
def audio_facts(path: Path) -> AudioFacts:
    """Facts about an audio file. The end of the file is decoded to make sure that it is complete.

    Raises InvalidData when the file is missing, unreadable, cut off or empty.
    """
    if not path.is_file():
        raise InvalidData(f"the audio file {path} is missing; paths are relative to the manifest's folder")
    with _open(path) as file:
        if file.frames <= 0:
            raise InvalidData(f"the audio file {path} contains no audio")
        _read(file, path, file.frames - 1, 1)
        return AudioFacts(file.samplerate, file.channels, file.frames / file.samplerate, _sha256(path))


def read_audio(example: Example) -> Samples:
    """The part of the file that belongs to the example: (n,) int16 at 16 kHz, channels averaged. Raises InvalidData."""
    path = example.audio
    if path is None:
        raise InvalidData(f"{example.where}: {example.id} has no audio, which this task needs")
    with _open(path) as file:
        first = round(example.start_s * file.samplerate)
        end = file.frames if example.end_s is None else min(round(example.end_s * file.samplerate), file.frames)
        return _resampled(_read(file, path, first, end - first), file.samplerate)


def _open(path: Path) -> Any:
    import soundfile

    try:
        return soundfile.SoundFile(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise InvalidData(f"the audio file {path} cannot be read: {error}; convert it to WAV or FLAC") from error


def _read(file: Any, path: Path, first: int, frames: int) -> NDArray[np.float32]:
    """Samples (frames, channels) in [-1, 1]."""
    import soundfile

    try:
        file.seek(first)
        samples: NDArray[np.float32] = file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise InvalidData(f"the audio file {path} ends early: {error}; copy it again") from error
    if len(samples) < frames:
        raise InvalidData(f"the audio file {path} ends early, at frame {first + len(samples)}; copy it again")
    return samples


def _resampled(samples: NDArray[np.float32], rate_hz: int) -> Samples:
    import soxr

    mono = samples.mean(axis=1)
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    result: Samples = np.clip(np.rint(mono * 32_768), -32_768, 32_767).astype(np.int16)
    return result


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
