"""Reads audio from a file, standard input or a microphone in chunks of 16 kHz mono PCM16.

Files may have any rate and number of channels. Raw PCM on standard input does not state its format, so it must be
16 kHz mono signed 16-bit little-endian. A WAV header on standard input must state the same format.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from schema.core.errors import InvalidAudio, InvalidInput, Unavailable
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ, samples_of_ms
from schema.core.wav import RIFF_BYTES, is_wav, read_exactly, read_wav_header

BLOCK_FRAMES = 1 << 15
MICROPHONE_QUEUE_CHUNKS = 9000
"""A quarter of an hour in chunks of 100 ms, as much as the server's mailbox holds."""


def file_chunks(path: Path, chunk_ms: int = 100) -> Iterator[bytes]:
    """Yield a sound file as PCM16 chunks of *chunk_ms*. The last may be shorter. Raises InvalidAudio, InvalidInput."""
    if not path.is_file():
        raise InvalidInput(f"{path} is not a file; give a WAV, FLAC or OGG file, '-' for standard input, or --mic")
    try:
        with soundfile.SoundFile(path) as sound:
            yield from _chunks_of(_blocks(sound), samples_of_ms(chunk_ms) * BYTES_PER_SAMPLE)
    except soundfile.SoundFileError as error:
        raise InvalidAudio(f"{path} is not a readable sound file ({error}); use WAV, FLAC or OGG") from error


def read_file(path: Path) -> bytes:
    """A whole sound file as PCM16. Raises the errors of `file_chunks`."""
    return b"".join(file_chunks(path, chunk_ms=10_000))


def pipe_chunks(pipe: BinaryIO, chunk_ms: int = 100) -> Iterator[bytes]:
    """Yield PCM16 chunks from a pipe with raw PCM or a WAV stream, 16 kHz mono 16-bit. Raises InvalidAudio."""
    head, left = read_exactly(pipe, RIFF_BYTES), None
    if is_wav(head):
        head, left = b"", read_wav_header(pipe)
    size = samples_of_ms(chunk_ms) * BYTES_PER_SAMPLE
    while piece := head + read_exactly(pipe, size - len(head) if left is None else min(size, left)):
        head, left = b"", None if left is None else left - len(piece)
        if len(piece) % BYTES_PER_SAMPLE:
            raise InvalidAudio(
                f"standard input ended in the middle of a sample (the last {len(piece)} bytes are odd); "
                "send 16 kHz mono signed 16-bit little-endian PCM"
            )
        yield piece


def microphone_chunks(chunk_ms: int = 100) -> Iterator[bytes]:
    """Yield PCM16 chunks from the default microphone, without end. Raises Unavailable if there is none."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise Unavailable(
            f"the microphone needs the 'sounddevice' package and PortAudio ({error}); "
            "pip install 'minutebook[mic]' and, on Debian, apt install libportaudio2"
        ) from error
    recorded: queue.Queue[bytes] = queue.Queue(MICROPHONE_QUEUE_CHUNKS)

    def record(data: Any, _frames: int, _time: Any, _status: Any) -> None:
        recorded.put_nowait(bytes(data))

    try:
        with sounddevice.RawInputStream(
            samplerate=SAMPLE_RATE_HZ, channels=1, dtype="int16", blocksize=samples_of_ms(chunk_ms), callback=record
        ):
            while True:
                yield recorded.get()
    except sounddevice.PortAudioError as error:
        raise Unavailable(f"the microphone cannot be opened ({error}); check that a microphone is connected") from error


def pcm_chunks(pcm: bytes, chunk_ms: int = 100) -> Iterator[bytes]:
    """Cut PCM16 in memory into chunks."""
    size = samples_of_ms(chunk_ms) * BYTES_PER_SAMPLE
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]


def _blocks(sound: soundfile.SoundFile) -> Iterator[bytes]:
    """PCM16 of *sound*, mixed to mono and resampled if its rate differs."""
    if sound.samplerate == SAMPLE_RATE_HZ:
        for block in sound.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True):
            yield _pcm16(block.mean(axis=1))
        return
    resampler = soxr.ResampleStream(sound.samplerate, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ")
    for block in sound.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True):
        yield _pcm16(resampler.resample_chunk(block.mean(axis=1)))
    yield _pcm16(resampler.resample_chunk(np.zeros(0, np.float32), last=True))


def _pcm16(samples: NDArray[np.float32]) -> bytes:
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes()


def _chunks_of(blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
    held = bytearray()
    for block in blocks:
        held += block
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)
