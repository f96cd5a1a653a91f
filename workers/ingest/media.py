"""Decodes any container and codec that FFmpeg can read to 16 kHz PCM16. Names and headers are not trusted.

Decoding is deterministic: a file always gives the same samples. So after an interruption the file is decoded again, and
the samples that were already received are dropped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, cast

import av
import av.logging
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.format import Flags

from schema.core.units import SAMPLE_RATE_HZ
from schema.uploads.failures import UploadFailure
from workers.ingest.boxes import CompleteBoxes
from workers.ingest.completeness import Completeness, ends_early, has_broken_index
from workers.ingest.merger import Hole, StreamMerger, of_length
from workers.ingest.messages import DecodingFailed
from workers.ingest.sound import Pcm, Sound
from workers.ingest.streams import StreamFacts, chosen_streams, encrypted, facts_of_streams
from workers.ingest.tags import recording_tags
from workers.ingest.timeline import HOLE_LIMIT_S, RESTARTING_HOLE_LIMIT_S, Timeline, presentation_start_s

BUFFER_BYTES = 1 << 18
FAULTS_IN_A_ROW_LIMIT = 2000
"""A file with this many undecodable packets in a row counts as damaged."""
SHUT = {"protocol_whitelist": "none"}
"""Forbids FFmpeg to open anything else: a playlist could name files of this machine or internal addresses."""
ESTIMATED = "Estimating duration from bitrate"
"""FFmpeg only says in its log that no header claims the length, and that the length is a guess."""
FREE_S = 600.0
BYTE_LIMIT_S = 0.25
"""A file may decode to this much sound for each of its bytes, and to `FREE_S` in any case. Silence at 8 kHz in WavPack,
the most that sound can be compressed, has 0.15 s for each byte."""


@dataclass(frozen=True, slots=True)
class Media:
    """The content of a file. `header_duration_s` is only a claim. Codec, rate and channels are of the first stream
    that is read. `tags` are those of `workers.ingest.tags`."""

    container: str
    codec: str
    rate_hz: int
    channels: int
    video: bool
    header_duration_s: float | None
    tags: dict[str, str]
    streams: list[StreamFacts]

    def facts(self) -> dict[str, Any]:
        return asdict(self)


class Recording:
    """The sound of one open file: all channels of the sound streams that *streams* chooses, one below the other.

    `widths` are the numbers of channels of these streams. `facts_of_end` is final once `blocks` is exhausted.
    """

    def __init__(self, file: BinaryIO, streams: str) -> None:
        early = ends_early(file)
        self._limit_s = FREE_S + BYTE_LIMIT_S * file.seek(0, os.SEEK_END)
        file.seek(0)
        self._container, estimated, cut = _open(file)
        self._streams = chosen_streams(self._container, streams)
        self.media = self._probe()
        self.widths = [len(each.codec_context.layout.channels) for each in self._streams]
        self._sounds = {each.index: self._sound(each) for each in self._streams}
        self._merger = StreamMerger(self.widths)
        claimed_s = None if estimated else self.media.header_duration_s
        self._completeness = Completeness(self._container, claimed_s, early or cut)
        self._decoded_s = dict.fromkeys(self._sounds, 0.0)
        self._skipped_packets = 0
        self._faults_in_a_row = 0

    def close(self) -> None:
        self._container.close()

    def blocks(self) -> Iterator[Pcm | Hole]:
        """Yield PCM16 of shape (channels, samples) in blocks of the same length, and holes. Raises DecodingFailed."""
        yield from of_length(self._merged())
        if not self._merger.sample:
            raise DecodingFailed(
                UploadFailure.NO_AUDIO,
                f"none of its {self.media.codec} sound could be decoded; send another copy",
            )

    def facts_of_end(self) -> dict[str, Any]:
        """What was wrong with the file; absent if nothing was, except for the first two."""
        facts = {
            "restarts": max(each.timeline.restarts for each in self._sounds.values()),
            "late_s": self._merger.late_samples / SAMPLE_RATE_HZ,
        }
        found = {name: value for name, value in facts.items() if value}
        return {"truncated": self._completeness.cut_off, "skipped_packets": self._skipped_packets, **found}

    def _merged(self) -> Iterator[Pcm | Hole]:
        places = {index: place for place, index in enumerate(self._sounds)}
        for index, frame in self._frames():
            for piece in self._sounds[index].take(frame):
                yield from self._merger.put(places[index], piece)
        for index, sound in self._sounds.items():
            for piece in sound.finish():
                yield from self._merger.put(places[index], piece)
        yield from self._merger.finish()

    def _frames(self) -> Iterator[tuple[int, av.AudioFrame]]:
        packets = self._container.demux()
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:  # The container was cut off. The sound before that is kept.
                packet = None
            if packet is None:
                return
            self._completeness.note(packet)
            if packet.stream_index in self._sounds:
                sound = cast("av.Packet[AudioStream]", packet)
                yield from ((packet.stream_index, frame) for frame in self._decode(sound))

    def _decode(self, packet: av.Packet[AudioStream]) -> list[av.AudioFrame]:
        if packet.has_sidedata("encryption_info"):
            raise encrypted()
        try:
            frames = packet.decode()
        except FFmpegError as error:
            self._skipped_packets += 1
            self._faults_in_a_row += 1
            if self._faults_in_a_row >= FAULTS_IN_A_ROW_LIMIT:
                raise DecodingFailed(
                    UploadFailure.DAMAGED,
                    f"{FAULTS_IN_A_ROW_LIMIT} packets in a row cannot be decoded ({error}), starting at "
                    f"{self._merger.sample / SAMPLE_RATE_HZ:.0f} s; send an undamaged copy",
                ) from error
            return []
        if frames:
            self._faults_in_a_row = 0
        for frame in frames:
            self._count(packet.stream_index, frame)
        return frames

    def _count(self, index: int, frame: av.AudioFrame) -> None:
        self._decoded_s[index] += frame.samples / max(1, frame.sample_rate)
        if self._decoded_s[index] > self._limit_s:
            raise DecodingFailed(
                UploadFailure.IMPLAUSIBLE,
                f"it decodes to more than {self._limit_s / 60:.0f} minutes of sound, which no codec stores in a file "
                "of its size; send another format",
            )

    def _sound(self, stream: AudioStream) -> Sound:
        restarting = Flags.ts_discont in Flags(self._container.format.flags)
        start = presentation_start_s(self._container.format.name, self._container.start_time or 0)
        timeline = Timeline(start, RESTARTING_HOLE_LIMIT_S if restarting else HOLE_LIMIT_S)
        return Sound(len(stream.codec_context.layout.channels), timeline)

    def _probe(self) -> Media:
        context = self._streams[0].codec_context
        claimed_us = self._container.duration
        return Media(
            container=self._container.format.name,
            codec=context.name,
            rate_hz=context.sample_rate,
            channels=len(context.layout.channels),
            video=bool(self._container.streams.video),
            header_duration_s=claimed_us / av.time_base if claimed_us and claimed_us > 0 else None,
            tags=recording_tags(self._container.metadata, *(each.metadata for each in self._streams)),
            streams=facts_of_streams(self._container, self._streams),
        )


class _Forward:
    """*file* without a way to seek, so that FFmpeg reads it from beginning to end, whatever its index says."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read


def _open(file: BinaryIO) -> tuple[InputContainer, bool, bool]:
    """Open *file*. Tells whether its length is only estimated, and whether its last box had to be left out."""
    source = _Forward(file) if has_broken_index(file) else file
    try:
        return *_open_source(source), False
    except FFmpegError as error:
        file.seek(0)
        if file.read(12)[4:8] != b"ftyp":
            raise DecodingFailed(
                UploadFailure.NOT_MEDIA,
                f"it is not a readable sound or video file ({error.strerror}); send another format",
            ) from error
    try:
        # A recorder that writes an MP4 in fragments may have ended within the head of one.
        return *_open_source(CompleteBoxes(file)), True
    except FFmpegError as error:
        detail = "the MP4 file ends before its table of contents; send the whole file"
        raise DecodingFailed(UploadFailure.TRUNCATED, detail) from error


def _open_source(source: BinaryIO | CompleteBoxes | _Forward) -> tuple[InputContainer, bool]:
    av.logging.set_level(av.logging.WARNING)
    av.logging.set_skip_repeated(False)  # Otherwise a line may come late, when the next file is open.
    try:
        with av.logging.Capture() as lines:
            container = av.open(source, mode="r", buffer_size=BUFFER_BYTES, metadata_errors="ignore", options=SHUT)
    finally:
        av.logging.set_level(None)
    return container, any(ESTIMATED in text for _, _, text in lines)
