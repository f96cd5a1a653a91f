"""Audio from files and pipes is turned into chunks of 16 kHz mono PCM16 or refused with a clear message."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from api.client.audio_source import file_chunks, pcm_chunks, pipe_chunks, read_file
from schema.core.errors import InvalidAudio, InvalidInput


def _tone(rate_hz: int, seconds: float, channels: int = 1) -> np.ndarray:
    times = np.arange(int(rate_hz * seconds)) / rate_hz
    tone = (0.4 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    return np.repeat(tone[:, None], channels, axis=1)


def _wav(rate_hz: int = 16000, channels: int = 1, width: int = 2, frames: int = 1600) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channels, width, rate_hz, 0, "NONE", ""))
        out.writeframes(bytes(range(256)) * (frames * channels * width // 256 + 1))
    return file.getvalue()


def test_a_16_khz_file_is_read_sample_for_sample(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(-32768, 32767, 40_001, dtype=np.int16)
    soundfile.write(tmp_path / "a.flac", samples, 16000)
    assert read_file(tmp_path / "a.flac") == samples.tobytes()


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (44100, 2), (48000, 3)])
def test_resampling_keeps_the_length_and_pitch_of_a_file(tmp_path: Path, rate_hz: int, channels: int) -> None:
    soundfile.write(tmp_path / "a.wav", _tone(rate_hz, 2.0, channels), rate_hz)
    samples = np.frombuffer(read_file(tmp_path / "a.wav"), "<i2")
    assert abs(len(samples) - 32000) <= 1
    spectrum = np.abs(np.fft.rfft(samples[:16000]))
    assert spectrum.argmax() == 440
    assert abs(np.abs(samples[1000:-1000]).max() / 32768 - 0.4) < 0.01


def test_chunks_have_the_requested_length_and_lose_nothing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", _tone(16000, 1.05), 16000)
    chunks = list(file_chunks(tmp_path / "a.ogg", chunk_ms=100))
    assert {len(chunk) for chunk in chunks[:-1]} == {3200}
    assert b"".join(chunks) == read_file(tmp_path / "a.ogg")
    assert list(pcm_chunks(b"".join(chunks), 100)) == chunks


def test_a_missing_file_or_one_that_is_not_audio_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.wav").write_text("these are words, not audio")
    with pytest.raises(InvalidAudio, match=r"notes\.wav is not a readable sound file.*use WAV, FLAC or OGG"):
        read_file(tmp_path / "notes.wav")
    with pytest.raises(InvalidInput, match=r"absent\.wav is not a file"):
        read_file(tmp_path / "absent.wav")


def test_raw_pcm_from_a_pipe_is_passed_on_unchanged(tmp_path: Path) -> None:
    pcm = bytes(range(250)) * 40
    assert b"".join(pipe_chunks(io.BytesIO(pcm), 100)) == pcm
    assert list(pipe_chunks(io.BytesIO(b""), 100)) == []
    assert list(pipe_chunks(io.BytesIO(b"ab"), 100)) == [b"ab"]


def test_header_and_trailer_of_a_wav_stream_are_removed() -> None:
    file = _wav()
    samples = file[44:]
    assert b"".join(pipe_chunks(io.BytesIO(file + b"LIST\x04\0\0\0abcd"), 100)) == samples


def test_a_wav_stream_of_unknown_length_is_read_to_its_end() -> None:
    file = bytearray(_wav())
    file[40:44] = b"\xff\xff\xff\xff"
    assert b"".join(pipe_chunks(io.BytesIO(bytes(file)), 100)) == bytes(file[44:])


class SlowPipe(io.RawIOBase):
    """A pipe that returns a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        return self._data.read(min(size or 0, 7))


def test_a_slow_pipe_gives_whole_chunks() -> None:
    pcm = bytes(6400)
    chunks = list(pipe_chunks(SlowPipe(pcm), 100))  # type: ignore[arg-type]
    assert [len(chunk) for chunk in chunks] == [3200, 3200]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (_wav(rate_hz=44100), "44100 Hz, not 16000 Hz.*ffmpeg"),
        (_wav(channels=2), "2 channels, not 1.*ffmpeg"),
        (_wav(width=1), "8 bits, not 16.*ffmpeg"),
        (_wav()[:36], "ends before its samples"),
    ],
)
def test_a_wav_stream_in_another_format_is_refused_with_its_value_and_the_remedy(file: bytes, message: str) -> None:
    with pytest.raises(InvalidAudio, match=message):
        list(pipe_chunks(io.BytesIO(file), 100))


def test_an_odd_end_of_raw_pcm_is_refused() -> None:
    with pytest.raises(InvalidAudio, match="middle of a sample"):
        list(pipe_chunks(io.BytesIO(bytes(3201)), 100))
