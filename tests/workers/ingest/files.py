"""Recordings in many formats, made with PyAV from real speech or a tone."""

from __future__ import annotations

import io
import math
import struct
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

SAMPLE = Path(__file__).parents[3] / "deploy/demo/meeting.flac"
YEAR_S = 365 * 24 * 3600
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
FloatAudio = NDArray[np.float32]


def speech(first_s: float, end_s: float) -> FloatAudio:
    """Speech of the sample meeting at 16 kHz: shape (1, samples)."""
    samples, _ = soundfile.read(SAMPLE, dtype="float32", start=round(first_s * 16_000), stop=round(end_s * 16_000))
    return np.asarray(samples, np.float32).reshape(1, -1)


def tone(seconds: float, rate_hz: int = 16_000, channels: int = 1) -> FloatAudio:
    """A tone with another pitch in each channel: shape (channels, samples)."""
    at_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.stack([0.3 * np.sin(2 * np.pi * 220 * (1 + each) * at_s) for each in range(channels)]).astype(np.float32)


def encoded(
    sound: FloatAudio,
    *,
    container: str = "wav",
    codec: str = "pcm_s16le",
    rate_hz: int = 16_000,
    layout: str = "mono",
    options: dict[str, str] | None = None,
    video: bool = False,
    tags: dict[str, str] | None = None,
) -> bytes:
    """*sound* of shape (channels, samples) as the bytes of a file."""
    # A named file, since some containers read back what they wrote.
    with tempfile.NamedTemporaryFile() as file:
        _write(file.name, sound, container, codec, rate_hz, layout, options or {}, video, tags or {})
        return Path(file.name).read_bytes()


def _write(
    name: str,
    sound: FloatAudio,
    container: str,
    codec: str,
    rate_hz: int,
    layout: str,
    options: dict[str, str],
    video: bool,
    tags: dict[str, str],
) -> None:
    with av.open(name, mode="w", format=container, options=options) as out:
        out.metadata.update(tags)
        picture = out.add_stream("mpeg4", rate=5, width=64, height=64) if video else None
        stream = out.add_stream(codec, rate=rate_hz, layout=layout)
        assert isinstance(stream, AudioStream)
        if picture is not None:
            assert isinstance(picture, VideoStream)
            _write_picture(out, picture, sound.shape[1] / rate_hz)
        resampler = av.AudioResampler(
            format=stream.codec_context.format, layout=layout, rate=rate_hz, frame_size=stream.frame_size or None
        )
        packed = np.ascontiguousarray(sound.T).reshape(1, -1)
        whole = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        whole.rate = rate_hz
        for frame in (*resampler.resample(whole), *resampler.resample(None)):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def video_without_audio(seconds: float = 2) -> bytes:
    """An MP4 video without an audio track."""
    file = io.BytesIO()
    with av.open(file, mode="w", format="mp4") as out:
        picture = out.add_stream("mpeg4", rate=5, width=64, height=64)
        assert isinstance(picture, VideoStream)
        _write_picture(out, picture, seconds)
    return file.getvalue()


def with_header_duration(matroska: bytes, seconds: float) -> bytes:
    """*matroska* with *seconds* in the element Duration of its header, a double of milliseconds."""
    at = matroska.index(b"\x44\x89\x88") + 3
    return matroska[:at] + struct.pack(">d", 1000 * seconds) + matroska[at + 8 :]


def timed(
    parts: list[tuple[float, FloatAudio]],
    *,
    container: str = "matroska",
    codec: str = "flac",
    rate_hz: int = 16_000,
    picture_s: float = 0,
) -> bytes:
    """Mono sound whose *parts* begin at the given seconds, beside a picture from 0 s on if it has a length."""
    file = io.BytesIO()
    with av.open(file, mode="w", format=container) as out:
        picture = out.add_stream("mpeg4", rate=5, width=64, height=64) if picture_s else None
        stream = out.add_stream(codec, rate=rate_hz, layout="mono")
        assert isinstance(stream, AudioStream)
        if picture is not None:
            assert isinstance(picture, VideoStream)
            _write_picture(out, picture, picture_s)
        for first_s, sound in parts:
            _write_sound(out, stream, sound, first_s)
        out.mux(stream.encode(None))
    return file.getvalue()


def with_streams(
    sounds: list[FloatAudio], *, tags: list[dict[str, str]] | None = None, container: str = "matroska"
) -> bytes:
    """A file with a sound stream for each of *sounds*: 16 kHz FLAC with as many channels, and *tags*."""
    file = io.BytesIO()
    with av.open(file, mode="w", format=container) as out:
        streams = [out.add_stream("flac", rate=16_000, layout=LAYOUTS[len(sound)]) for sound in sounds]
        for stream, tag in zip(streams, tags or [], strict=False):
            stream.metadata.update(tag)
        for first_s in range(math.ceil(max(sound.shape[1] for sound in sounds) / 16_000)):
            for stream, sound in zip(streams, sounds, strict=True):
                assert isinstance(stream, AudioStream)
                second = sound[:, first_s * 16_000 : (first_s + 1) * 16_000]
                if second.size:
                    _write_sound(out, stream, second, first_s)
        for stream in streams:
            assert isinstance(stream, AudioStream)
            out.mux(stream.encode(None))
    return file.getvalue()


def _write_picture(out: OutputContainer, picture: VideoStream, seconds: float) -> None:
    picture.pix_fmt = "yuv420p"
    for number in range(round(5 * seconds)):
        image = np.full((64, 64, 3), number % 255, np.uint8)
        out.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
    out.mux(picture.encode(None))


def _write_sound(out: OutputContainer, stream: AudioStream, sound: FloatAudio, first_s: float) -> None:
    rate_hz, layout = stream.codec_context.sample_rate, stream.codec_context.layout
    resampler = av.AudioResampler(
        format=stream.codec_context.format, layout=layout, rate=rate_hz, frame_size=stream.frame_size or None
    )
    whole = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T).reshape(1, -1), format="flt", layout=layout.name)
    whole.rate = rate_hz
    at = round(first_s * rate_hz)
    for frame in (*resampler.resample(whole), *resampler.resample(None)):
        frame.pts, frame.time_base = at, Fraction(1, rate_hz)
        at += frame.samples
        out.mux(stream.encode(frame))
