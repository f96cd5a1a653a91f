"""The audio of examples: what a file holds, its checksum, and its samples as Whisper reads them."""

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
    """Facts of an audio file whose end can be decoded. Raises InvalidData (missing, unreadable, cut off, empty)."""
    if not path.is_file():
        raise InvalidData(f"the audio file {path} is missing; paths count from the manifest's folder")
    with _opened(path) as file:
        if file.frames <= 0:
            raise InvalidData(f"the audio file {path} holds no audio")
        _read(file, path, file.frames - 1, 1)
        return AudioFacts(file.samplerate, file.channels, file.frames / file.samplerate, _sha256(path))


def read_audio(example: Example) -> Samples:
    """The example's stretch of its file, (n,) int16 at 16 kHz, channels averaged. Raises InvalidData."""
    path = example.audio
    if path is None:
        raise InvalidData(f"{example.where}: {example.id} has no audio; this task needs some")
    with _opened(path) as file:
        first = round(example.start_s * file.samplerate)
        end = file.frames if example.end_s is None else min(round(example.end_s * file.samplerate), file.frames)
        return _resampled(_read(file, path, first, end - first), file.samplerate)


def _opened(path: Path) -> Any:
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
        raise InvalidData(f"the audio file {path} breaks off: {error}; copy it again") from error
    if len(samples) < frames:
        raise InvalidData(f"the audio file {path} breaks off at {first + len(samples)} frames; copy it again")
    return samples


def _resampled(samples: NDArray[np.float32], rate_hz: int) -> Samples:
    import soxr

    mono = samples.mean(axis=1)
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    whole: Samples = np.clip(np.rint(mono * 32_768), -32_768, 32_767).astype(np.int16)
    return whole


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
