"""The sound of one stream as PCM16 at 16 kHz, each piece at its place in the meeting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.error import BlockingIOError, EOFError
from av.filter import Graph
from av.filter.context import FilterContext
from numpy.typing import NDArray

from schema.core.units import SAMPLE_RATE_HZ, s_of_samples, samples_of_s
from schema.uploads.failures import UploadFailure
from workers.ingest.messages import DecodingFailed
from workers.ingest.timeline import JITTER_S, Timeline

Pcm = NDArray[np.int16]

RATES_HZ = range(1000, 768_001)
"""The sample rates that recordings have. Others make a few bytes last for hours, or are damage."""
DRIFT_S = 0.03
"""Sound that is this far from its timestamps is stretched or squeezed until they agree."""
RESAMPLING = str(SAMPLE_RATE_HZ)
STRETCHING = f"{RESAMPLING}:flags=res:min_comp={DRIFT_S}:comp_duration=1:max_soft_comp=0.1:min_hard_comp=1000000"
"""FFmpeg's resampler then plays up to a tenth faster or slower. `res` makes it resample from the beginning: it forgets
how far it is off when it begins to."""


@dataclass(frozen=True, slots=True)
class SoundPiece:
    """PCM16 of shape (channels, samples), which begins at `first_sample` of the meeting."""

    first_sample: int
    pcm: Pcm

    @property
    def end_sample(self) -> int:
        return self.first_sample + int(self.pcm.shape[1])


class Sound:
    """Converts the frames of a stream. `end_sample` is where its sound ends so far. It always has *channels* channels.

    If their number changes in the middle, added channels are left out and missing ones are silent.
    """

    def __init__(self, channels: int, timeline: Timeline) -> None:
        self.channels = channels
        self.end_sample = 0
        self.timeline = timeline
        self._held: av.AudioFrame | None = None
        self._resampler: FrameResampler | None = None
        self._form: tuple[object, ...] = ()
        self._stretches = False

    def take(self, frame: av.AudioFrame) -> Iterator[SoundPiece]:
        """Take the next frame and convert the one before it. Raises DecodingFailed for an impossible sample rate."""
        check_rate(frame.sample_rate)
        held, self._held = self._held, frame
        if held is not None:
            yield from self._convert(held, frame)

    def finish(self) -> Iterator[SoundPiece]:
        """Convert the last frame, and yield what the resampler still holds."""
        if self._held is not None:
            yield from self._convert(self._held, None)
        yield from self._rest()

    def _convert(self, frame: av.AudioFrame, follower: av.AudioFrame | None) -> Iterator[SoundPiece]:
        at_s = self.timeline.place_s(frame, follower, s_of_samples(self.end_sample))
        off_s = at_s - s_of_samples(self.end_sample)
        hole = off_s > JITTER_S
        self._stretches |= not hole and abs(off_s) > DRIFT_S
        form = (frame.format.name, frame.layout.name, frame.sample_rate, self._stretches)
        if hole or form != self._form:  # Some streams change their format in the middle.
            yield from self._rest()
        if hole:
            self.end_sample = max(self.end_sample, samples_of_s(at_s))
        if self._resampler is None:
            self._resampler, self._form = FrameResampler(frame, self._stretches), form
            at_s = s_of_samples(self.end_sample)  # It counts from the first timestamp that it sees.
        yield from self._placed(self._resampler.take(frame, at_s))

    def _rest(self) -> Iterator[SoundPiece]:
        if self._resampler is not None:
            yield from self._placed(self._resampler.rest())
        self._resampler = None

    def _placed(self, blocks: Iterator[Pcm]) -> Iterator[SoundPiece]:
        for block in blocks:
            piece = SoundPiece(self.end_sample, _of_width(block, self.channels))
            self.end_sample = piece.end_sample
            yield piece


class FrameResampler:
    """A graph of filters that resamples frames of the same form as *frame*. It keeps their channels.

    If it *stretches*, the sound follows the timestamps of the frames.
    """

    def __init__(self, frame: av.AudioFrame, stretches: bool) -> None:
        self._graph = Graph()
        self._time_base = Fraction(1, frame.sample_rate)
        self._source = self._graph.add_abuffer(
            format=frame.format, sample_rate=frame.sample_rate, layout=frame.layout, time_base=self._time_base
        )
        self._sink = self._graph.add("abuffersink")
        resampling = self._graph.add("aresample", STRETCHING if stretches else RESAMPLING)
        self._link(resampling, self._graph.add("aformat", "sample_fmts=s16"))

    def _link(self, *filters: FilterContext) -> None:
        before = self._source
        for each in (*filters, self._sink):
            before.link_to(each)
            before = each
        self._graph.configure()

    def take(self, frame: av.AudioFrame, at_s: float) -> Iterator[Pcm]:
        """Resample *frame*, which belongs at *at_s*. Yields blocks of shape (channels, samples)."""
        frame.time_base, frame.pts = self._time_base, round(at_s * frame.sample_rate)
        self._source.push(frame)
        return self._pulled()

    def rest(self) -> Iterator[Pcm]:
        self._source.push(None)
        return self._pulled()

    def _pulled(self) -> Iterator[Pcm]:
        while True:
            try:
                part = self._sink.pull()
            except (BlockingIOError, EOFError):  # The graph needs another frame, or has ended.
                return
            assert isinstance(part, av.AudioFrame)
            width = len(part.layout.channels)
            yield (
                np.frombuffer(memoryview(part.planes[0]), dtype="<i2", count=part.samples * width).reshape(-1, width).T
            )


def check_rate(rate_hz: int) -> None:
    """Raises DecodingFailed for a sample rate that no recording has."""
    if rate_hz not in RATES_HZ:
        raise DecodingFailed(
            UploadFailure.NOT_MEDIA,
            f"its sound has a sample rate of {rate_hz} Hz; send a recording with {RATES_HZ[0]} to {RATES_HZ[-1]} Hz",
        )


def _of_width(sound: Pcm, channels: int) -> Pcm:
    if len(sound) == channels:
        return sound
    fitted = np.zeros((channels, sound.shape[1]), np.int16)
    shared = min(channels, len(sound))
    fitted[:shared] = sound[:shared]
    return fitted
