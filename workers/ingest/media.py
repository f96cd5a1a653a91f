"""Decodes any container and codec that FFmpeg can read to 16 kHz PCM16. Names and headers are not trusted.

Decoding is deterministic: a file always gives the same samples. So after an interruption the file is decoded again, and
the samples that were already received are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from schema.core.states import Channels
from schema.core.units import SAMPLE_RATE_HZ
from schema.uploads.failures import UploadFailure
from workers.ingest.messages import DecodingFailed

Pcm = NDArray[np.int16]

BUFFER_BYTES = 1 << 18
TRACKS_LIMIT = 32
ENCRYPTED_TAGS = frozenset({"enca", "drms"})
"""Codec tags of encrypted sound in MP4 files, for files in which FFmpeg does not report it for each packet."""
FAULTS_IN_A_ROW_LIMIT = 2000
"""A file with this many undecodable packets in a row counts as damaged."""
SHUT = {"protocol_whitelist": "none"}
"""Forbids FFmpeg to open anything else: a playlist could name files of this machine or internal addresses."""
DISBELIEF = 1.02, 2.0
"""A factor and seconds. A file counts as cut off if its header claims more than factor × decoded length + seconds."""


@dataclass(frozen=True, slots=True)
class Media:
    """The content of a file. `header_duration_s` is only a claim. `tracks` is the number of tracks for the sound."""

    container: str
    codec: str
    rate_hz: int
    channels: int
    video: bool
    header_duration_s: float | None
    tracks: int

    def facts(self) -> dict[str, Any]:
        facts = asdict(self)
        del facts["tracks"]
        return facts


class Recording:
    """The sound of one open file. `skipped_packets` and `truncated` are final once `blocks` is exhausted."""

    def __init__(self, file: BinaryIO, channels: Channels) -> None:
        self._channels = channels
        self._container = _open(file)
        self._stream = _sound(self._container)
        self.media = self._probe()
        self.samples = 0
        self.skipped_packets = 0
        self._faults_in_a_row = 0

    def close(self) -> None:
        self._container.close()

    def blocks(self) -> Iterator[Pcm]:
        """Yield blocks of PCM16 of shape (tracks, samples). Raises DecodingFailed."""
        sound = Sound(self._channels)
        for frame in self._frames():
            for block in sound.take(frame):
                self.samples += block.shape[1]
                yield block
        for block in sound.rest():
            self.samples += block.shape[1]
            yield block
        if not self.samples:
            raise DecodingFailed(
                UploadFailure.NO_AUDIO,
                f"none of its {self.media.codec} sound could be decoded; send another copy",
            )

    @property
    def truncated(self) -> bool:
        """Whether the header claims much more sound than the file has."""
        claimed_s = self.media.header_duration_s
        factor, slack_s = DISBELIEF
        return claimed_s is not None and claimed_s > factor * self.samples / SAMPLE_RATE_HZ + slack_s

    def _frames(self) -> Iterator[av.AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:  # The container was cut off. The sound before that is kept.
                packet = None
            if packet is None:
                return
            yield from self._decode(packet)

    def _decode(self, packet: av.Packet[AudioStream]) -> list[av.AudioFrame]:
        if packet.has_sidedata("encryption_info"):
            raise _encrypted()
        try:
            frames = packet.decode()
        except FFmpegError as error:
            self.skipped_packets += 1
            self._faults_in_a_row += 1
            if self._faults_in_a_row >= FAULTS_IN_A_ROW_LIMIT:
                raise DecodingFailed(
                    UploadFailure.DAMAGED,
                    f"{FAULTS_IN_A_ROW_LIMIT} packets in a row cannot be decoded ({error}), starting at "
                    f"{self.samples / SAMPLE_RATE_HZ:.0f} s; send an undamaged copy",
                ) from error
            return []
        if frames:
            self._faults_in_a_row = 0
        return frames

    def _probe(self) -> Media:
        context = self._stream.codec_context
        claimed_us = self._container.duration
        channels = len(context.layout.channels)
        tracks = channels if self._channels == Channels.SPEAKERS else 1
        if not 0 < tracks <= TRACKS_LIMIT:
            raise DecodingFailed(
                UploadFailure.TOO_MANY_CHANNELS,
                f"the sound has {channels} channels, but a meeting has at most {TRACKS_LIMIT} tracks; use channels=mix",
            )
        return Media(
            container=self._container.format.name,
            codec=context.name,
            rate_hz=context.sample_rate,
            channels=channels,
            video=bool(self._container.streams.video),
            header_duration_s=claimed_us / av.time_base if claimed_us and claimed_us > 0 else None,
            tracks=tracks,
        )


class Sound:
    """Converts frames of any rate, format and layout to PCM16 at 16 kHz, mixed or with one track per channel."""

    def __init__(self, channels: Channels) -> None:
        self._mix = channels == Channels.MIX
        self._resampler: AudioResampler | None = None
        self._form: tuple[object, ...] = ()
        self._tracks = 0

    def take(self, frame: av.AudioFrame) -> Iterator[Pcm]:
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:  # Some streams change their format in the middle.
            yield from self.rest()
            self._begin(frame, form)
        yield from self._resampled(frame)

    def rest(self) -> Iterator[Pcm]:
        """Yield the samples that the resampler still holds."""
        if self._resampler is not None:
            yield from self._resampled(None)
        self._resampler = None

    def _begin(self, frame: av.AudioFrame, form: tuple[object, ...]) -> None:
        self._form = form
        self._tracks = self._tracks or (1 if self._mix else len(frame.layout.channels))
        # FFmpeg cannot mix a layout without channel names ("8 channels"), so `_arranged` averages its channels.
        named = "channels" not in frame.layout.name
        self._resampler = AudioResampler(
            format="s16", layout="mono" if self._mix and named else frame.layout, rate=SAMPLE_RATE_HZ
        )

    def _resampled(self, frame: av.AudioFrame | None) -> Iterator[Pcm]:
        assert self._resampler is not None
        for part in self._resampler.resample(frame):
            width = len(part.layout.channels)
            sound = (
                np.frombuffer(memoryview(part.planes[0]), dtype="<i2", count=part.samples * width).reshape(-1, width).T
            )
            yield self._arranged(sound)

    def _arranged(self, sound: Pcm) -> Pcm:
        """Convert (channels, samples) to (tracks, samples). The number of tracks never changes.

        If the number of channels changes in the middle, added channels are left out and missing ones are silent.
        """
        if self._mix:
            mixed: Pcm = np.rint(sound.mean(axis=0, keepdims=True)).astype(np.int16)
            return mixed
        tracks = np.zeros((self._tracks, sound.shape[1]), np.int16)
        shared = min(self._tracks, sound.shape[0])
        tracks[:shared] = sound[:shared]
        return tracks


def _open(file: BinaryIO) -> InputContainer:
    try:
        return av.open(file, mode="r", buffer_size=BUFFER_BYTES, metadata_errors="ignore", options=SHUT)
    except FFmpegError as error:
        file.seek(0)
        if file.read(12)[4:8] == b"ftyp":
            detail = "the MP4 file ends before its table of contents; send the whole file"
            raise DecodingFailed(UploadFailure.TRUNCATED, detail) from error
        raise DecodingFailed(
            UploadFailure.NOT_MEDIA,
            f"it is not a readable sound or video file ({error.strerror}); send another format",
        ) from error


def _sound(container: InputContainer) -> AudioStream:
    """Return the audio stream that a player would choose."""
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream):
        what = "video" if container.streams.video else "file"
        raise DecodingFailed(UploadFailure.NO_AUDIO, f"the {what} has no sound; send one with sound")
    if stream.codec_context.codec_tag in ENCRYPTED_TAGS:
        raise _encrypted()
    return stream


def _encrypted() -> DecodingFailed:
    return DecodingFailed(UploadFailure.ENCRYPTED, "the sound is encrypted (DRM); send a copy without protection")
