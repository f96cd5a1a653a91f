"""WAV headers of files and streams, whole and damaged."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest
import soundfile

from schema.core.errors import InvalidAudio
from schema.core.wav import RIFF_BYTES, is_wav, read_wav_header

SAMPLES = np.arange(1600, dtype="<i2")
PCM = SAMPLES.tobytes()
FORMAT = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def chunk(kind: bytes, body: bytes, size: int | None = None) -> bytes:
    """A chunk, padded to an even length. Its header states *size* instead of the true size if given."""
    return kind + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def wav(*chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + sum(map(len, chunks))) + b"WAVE" + b"".join(chunks)


def written_by_libsndfile(file_format: str, subtype: str = "PCM_16", rate_hz: int = 16_000, channels: int = 1) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.repeat(SAMPLES[:, None], channels, axis=1), rate_hz, format=file_format, subtype=subtype)
    return file.getvalue()


class Pipe:
    """A file in which FFmpeg cannot seek."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += bytes(data)
        return len(data)


def rf64(samples_bytes: int) -> bytes:
    """An RF64 file that states the size of its samples in `ds64` only."""
    sizes = chunk(b"ds64", struct.pack("<QQQI", 0, samples_bytes, 0, 0))
    body = wav(sizes, chunk(b"fmt ", FORMAT), chunk(b"data", PCM, 0xFFFF_FFFF), chunk(b"LIST", b"abcd"))
    return b"RF64\xff\xff\xff\xff" + body[8:]


def written_by_ffmpeg(**options: str) -> bytes:
    pipe = Pipe()
    with av.open(pipe, "w", format="wav", options=options) as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(SAMPLES[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return bytes(pipe.data)


def read(body: bytes) -> tuple[int | None, bytes]:
    """The size that the header states, and the bytes after the header."""
    assert is_wav(body)
    file = io.BytesIO(body)
    file.seek(RIFF_BYTES)
    size = read_wav_header(file)
    return size, file.read()


@pytest.mark.parametrize(
    "body",
    [
        written_by_libsndfile("WAV"),
        written_by_libsndfile("WAVEX"),
        wav(chunk(b"fmt ", FORMAT), chunk(b"data", PCM)),
        wav(
            chunk(b"LIST", b"abc"), chunk(b"fmt ", FORMAT + b"\0\0"), chunk(b"junk", bytes(70_001)), chunk(b"data", PCM)
        ),
        wav(chunk(b"fmt ", struct.pack("<HHIIHH", 0xFFFE, 1, 16_000, 32_000, 2, 16)), chunk(b"data", PCM)),
    ],
    ids=["libsndfile", "extensible", "shortest", "odd chunks before the samples", "extensible without a sub-format"],
)
def test_a_file_is_read_up_to_its_first_sample(body: bytes) -> None:
    assert read(body) == (len(PCM), PCM)


def test_the_size_does_not_include_chunks_after_the_samples() -> None:
    size, rest = read(wav(chunk(b"fmt ", FORMAT), chunk(b"data", PCM), chunk(b"LIST", b"abcd")))
    assert (size, rest[:size]) == (len(PCM), PCM)


@pytest.mark.parametrize(
    "size", [0, 0x7FFF_FFFF, 0x7FFF_F000, 0x7FFF_FFDB, 0x8000_0000, 0xFFFF_FFDB, 0xFFFF_FF00, 0xFFFF_FFFF]
)
def test_a_stream_of_unknown_length_has_no_size(size: int) -> None:
    assert read(wav(chunk(b"fmt ", FORMAT), chunk(b"data", PCM, size))) == (None, PCM)


@pytest.mark.parametrize("rf64", ["never", "always"])
def test_a_stream_written_by_ffmpeg_to_a_pipe_is_read(rf64: str) -> None:
    assert read(written_by_ffmpeg(rf64=rf64)) == (None, PCM)


def test_the_size_of_an_rf64_file_is_read_from_its_first_chunk() -> None:
    size, rest = read(rf64(len(PCM)))
    assert (size, rest[:size]) == (len(PCM), PCM)


@pytest.mark.parametrize("samples_bytes", [0, 1 << 40, (1 << 64) - 1])
def test_an_rf64_stream_of_unknown_length_has_no_size(samples_bytes: int) -> None:
    assert read(rf64(samples_bytes))[0] is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (written_by_libsndfile("WAV", rate_hz=44_100), "44100 Hz, not 16000 Hz; convert it.*ffmpeg"),
        (written_by_libsndfile("WAV", channels=2), "2 channels, not 1; convert it.*ffmpeg"),
        (written_by_libsndfile("WAV", "PCM_24"), "24 bits, not 16; convert it.*ffmpeg"),
        (written_by_libsndfile("WAV", "FLOAT"), "floating-point samples, not PCM; convert it.*ffmpeg"),
        (written_by_libsndfile("WAVEX", "FLOAT"), "floating-point samples, not PCM; convert it.*ffmpeg"),
        (written_by_libsndfile("WAV", "ULAW"), "µ-law, not PCM; convert it.*ffmpeg"),
        (written_by_libsndfile("WAV", "IMA_ADPCM"), "format 17, not PCM; convert it.*ffmpeg"),
    ],
)
def test_another_format_is_refused_with_its_name_and_the_remedy(body: bytes, message: str) -> None:
    with pytest.raises(InvalidAudio, match=message):
        read(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (wav(chunk(b"fmt ", FORMAT)), "no data chunk.*send the whole file"),
        (wav(), "no data chunk.*send the whole file"),
        (wav(chunk(b"data", PCM)), "does not state the format"),
        (wav(chunk(b"fmt ", FORMAT[:14]), chunk(b"data", PCM)), "format chunk has 14 bytes, but needs at least 16"),
        (wav(chunk(b"LIST", bytes(10), 4000)), "chunk 'LIST' states 4000 bytes, but 10 follow"),
        (wav(chunk(b"fmt ", FORMAT[:10], 16)), "chunk 'fmt' states 16 bytes, but 10 follow"),
    ],
)
def test_a_damaged_header_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(InvalidAudio, match=message):
        read(body)


def test_a_wrong_format_is_reported_before_the_samples_arrive() -> None:
    with pytest.raises(InvalidAudio, match="48000 Hz"):
        read(wav(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 48_000, 96_000, 2, 16))))


@pytest.mark.parametrize("head", [b"", b"RIFF", b"RIFX\0\0\0\0WAVE", b"RIFF\0\0\0\0AVI ", PCM])
def test_data_without_riff_and_wave_is_not_a_wav_file(head: bytes) -> None:
    assert not is_wav(head)
