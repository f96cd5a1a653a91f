"""Audio from a file, standard input or a microphone as chunks of 16 kHz mono PCM16.

Files may have any rate and number of channels. Raw PCM on standard input says nothing about itself, so it must be
16 kHz mono signed 16-bit little-endian; a WAV header there is read and must say the same.
"""

from __future__ import annotations

import io
import queue
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from schema.core.errors import InvalidAudio, InvalidInput, Unavailable
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ, samples_of_ms

BLOCK_FRAMES = 1 << 15
MICROPHONE_QUEUE_CHUNKS = 9000
"""A quarter of an hour of 100 ms chunks: what the server's mailbox holds too."""
_WAV_FMT = struct.Struct("<HHIIHH")
_WAV_PCM = {1, 0xFFFE}
_UNKNOWN_SIZES = {0, 0x7FFFFFFF, 0xFFFFFFFF}
"""What writers to a pipe put where the length belongs."""


def file_chunks(path: Path, chunk_ms: int = 100) -> Iterator[bytes]:
    """PCM16 chunks of *chunk_ms* of a sound file; the last may be shorter. Raises InvalidAudio, InvalidInput."""
    if not path.is_file():
        raise InvalidInput(f"{path} is not a file; give a WAV, FLAC or OGG file, '-' for standard input, or --mic")
    try:
        with soundfile.SoundFile(path) as sound:
            yield from _cut(_blocks(sound), samples_of_ms(chunk_ms) * BYTES_PER_SAMPLE)
    except soundfile.SoundFileError as error:
        raise InvalidAudio(f"{path} is not a sound file that can be read ({error}); use WAV, FLAC or OGG") from error


def read_file(path: Path) -> bytes:
    """The whole of a sound file as PCM16. Raises like `file_chunks`."""
    return b"".join(file_chunks(path, chunk_ms=10_000))


def pipe_chunks(pipe: BinaryIO, chunk_ms: int = 100) -> Iterator[bytes]:
    """PCM16 chunks from a pipe with raw PCM or a WAV stream at 16 kHz mono 16-bit. Raises InvalidAudio."""
    head, left = _read_exactly(pipe, 12), None
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        head, left = b"", _read_wav_header(pipe)
    size = samples_of_ms(chunk_ms) * BYTES_PER_SAMPLE
    while piece := head + _read_exactly(pipe, size - len(head) if left is None else min(size, left)):
        head, left = b"", None if left is None else left - len(piece)
        if len(piece) % BYTES_PER_SAMPLE:
            raise InvalidAudio(
                f"standard input ended in the middle of a sample (the last {len(piece)} bytes are odd); "
                "send 16 kHz mono signed 16-bit little-endian PCM"
            )
        yield piece


def microphone_chunks(chunk_ms: int = 100) -> Iterator[bytes]:
    """PCM16 chunks from the default microphone, without end. Raises Unavailable when there is none."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise Unavailable(
            f"the microphone needs the 'sounddevice' package and PortAudio ({error}); "
            "pip install 'minutebook[mic]' and, on Debian, apt install libportaudio2"
        ) from error
    heard: queue.Queue[bytes] = queue.Queue(MICROPHONE_QUEUE_CHUNKS)

    def keep(data: Any, _frames: int, _time: Any, _status: Any) -> None:
        heard.put_nowait(bytes(data))

    try:
        with sounddevice.RawInputStream(
            samplerate=SAMPLE_RATE_HZ, channels=1, dtype="int16", blocksize=samples_of_ms(chunk_ms), callback=keep
        ):
            while True:
                yield heard.get()
    except sounddevice.PortAudioError as error:
        raise Unavailable(f"the microphone cannot be opened ({error}); check that one is connected") from error


def pcm_chunks(pcm: bytes, chunk_ms: int = 100) -> Iterator[bytes]:
    """PCM16 in memory, cut into chunks."""
    size = samples_of_ms(chunk_ms) * BYTES_PER_SAMPLE
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]


def _blocks(sound: soundfile.SoundFile) -> Iterator[bytes]:
    """PCM16 of *sound*, mixed to mono and resampled where its rate differs."""
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


def _cut(blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
    held = bytearray()
    for block in blocks:
        held += block
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)


def _read_exactly(pipe: BinaryIO, count: int) -> bytes:
    """*count* bytes, or less at the end: a pipe may hand them over in pieces."""
    held = io.BytesIO()
    while held.tell() < count and (piece := pipe.read(count - held.tell())):
        held.write(piece)
    return held.getvalue()


def _read_wav_header(pipe: BinaryIO) -> int | None:
    """Read up to the samples of a WAV stream; returns their bytes, None when its writer did not know.

    Raises InvalidAudio naming what differs.
    """
    while len(header := _read_exactly(pipe, 8)) == 8:
        kind, size = header[:4], int.from_bytes(header[4:], "little")
        if kind == b"data":
            return None if size in _UNKNOWN_SIZES else size
        body = _read_exactly(pipe, size + size % 2)
        if kind == b"fmt ":
            _check_format(body)
    raise InvalidAudio("the WAV stream on standard input ends before its samples; send the whole file")


def _check_format(body: bytes) -> None:
    if len(body) < _WAV_FMT.size:
        raise InvalidAudio(f"the WAV format chunk has {len(body)} bytes, at least {_WAV_FMT.size} are needed")
    code, channels, rate_hz, _, _, bits = _WAV_FMT.unpack_from(body)
    remedy = "convert it: ffmpeg -i IN -ar 16000 -ac 1 -c:a pcm_s16le -f wav -"
    if code not in _WAV_PCM or bits != 8 * BYTES_PER_SAMPLE:
        raise InvalidAudio(f"the WAV stream has {bits}-bit samples of format {code}, not 16-bit PCM; {remedy}")
    if rate_hz != SAMPLE_RATE_HZ:
        raise InvalidAudio(f"the WAV stream has {rate_hz} Hz, not {SAMPLE_RATE_HZ}; {remedy}")
    if channels != 1:
        raise InvalidAudio(f"the WAV stream has {channels} channels, not 1; {remedy}")
