"""Units: stretches of audio in which one voice speaks alone. A track is read in windows, and each unit is found once.

The windows end on a fixed grid, so units depend on the audio alone, whoever reads it and whenever. A position is
*settled* when all units before it are found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from schema.core.units import samples_of_s

WINDOW_SAMPLES = samples_of_s(10)
"""How far back a window looks. Voices are found more surely in a longer context."""
GRID_SAMPLES = samples_of_s(2.5)
"""Distance of the ends of two windows."""
MARGIN_SAMPLES = samples_of_s(0.5)
"""The end of a window is read again by the next one, because its voices are not sure yet."""
CARRIED_SAMPLES = samples_of_s(1)
"""A unit that begins this short before the margin is left to the next window, which sees more of it."""
PAUSE_SAMPLES = samples_of_s(0.25)
"""A pause this long ends a unit."""
UNIT_LIMIT_SAMPLES = samples_of_s(2.5)
UNIT_LEAST_SAMPLES = samples_of_s(0.3)
"""A shorter sound says too little about its voice. Its words belong to the nearest unit."""
FRAME_SAMPLES = 270
FIRST_FRAME_SAMPLES = 360
"""Where the span of the first frame begins: half a step before the middle of its field."""

Frames = NDArray[np.bool_]
"""(frames, voices): which voices speak."""


@dataclass(frozen=True, slots=True)
class WindowSpan:
    """The audio of one window, [first_sample, end_sample). The `last` window of a track has no margin."""

    first_sample: int
    end_sample: int
    last: bool = False

    @property
    def settles_sample(self) -> int:
        """Where the margin begins."""
        return self.end_sample if self.last else self.end_sample - MARGIN_SAMPLES


@dataclass(frozen=True, slots=True)
class UnitSpan:
    """Where one voice speaks alone, or where several speak at once (`overlap`)."""

    first_sample: int
    end_sample: int
    clean_samples: int
    """TrackSamples in which the voice sounds."""
    overlap: bool = False


def next_windows(settled_sample: int, received_sample: int, closed: bool, limit: int) -> list[WindowSpan]:
    """The next windows of a track that is settled up to *settled_sample*, at most *limit*."""
    if closed and settled_sample >= received_sample:
        return []
    ends = (settled_sample + MARGIN_SAMPLES) / GRID_SAMPLES if settled_sample else 0
    end = math.ceil(ends) * GRID_SAMPLES
    spans: list[WindowSpan] = []
    while len(spans) < limit:
        end += GRID_SAMPLES
        last = closed and end >= received_sample
        if not last and end > received_sample:
            break
        end = min(end, received_sample) if closed else end
        spans.append(WindowSpan(max(0, end - WINDOW_SAMPLES), end, last))
        if last:
            break
    return spans


def keeps_from(settled_sample: int) -> int:
    """The first sample that later windows read, when a track is settled up to *settled_sample*."""
    return max(0, settled_sample - WINDOW_SAMPLES)


def find_units(frames: Frames, window: WindowSpan, settled_sample: int) -> tuple[list[UnitSpan], int]:
    """The units between *settled_sample* and the margin of *window*, in order, and the position settled now."""
    zone_end = window.settles_sample
    offset = window.first_sample + FIRST_FRAME_SAMPLES
    first = max(0, round((settled_sample - offset) / FRAME_SAMPLES))
    end = len(frames) if window.last else min(len(frames), max(0, round((zone_end - offset) / FRAME_SAMPLES)))
    zone = frames[first:end]
    runs = sorted(_runs(zone), key=lambda run: (run[1], run[0]))
    settled = max(settled_sample, zone_end)
    if not window.last:
        cut = _open_run(runs, len(zone))
        if cut is not None:
            runs = [run for run in runs if run[2] <= cut]
            settled = max(settled_sample, offset + (first + cut) * FRAME_SAMPLES)
    units = []
    for voice, start, stop in runs:
        for one, two in _pieces(start, stop):
            span = UnitSpan(  # Frames of two windows do not meet exactly, but units must not overlap.
                max(settled_sample, offset + (first + one) * FRAME_SAMPLES),
                min(zone_end, offset + (first + two) * FRAME_SAMPLES),
                _sounding(zone[one:two], voice) * FRAME_SAMPLES,
                overlap=voice < 0,
            )
            if span.clean_samples >= UNIT_LEAST_SAMPLES:
                units.append(span)
    return units, settled


def _sounding(frames: Frames, voice: int) -> int:
    return int((frames.sum(axis=1) > 1).sum() if voice < 0 else frames[:, voice].sum())


def _runs(zone: Frames) -> Iterator[tuple[int, int, int]]:
    """(voice, first frame, end frame) of each run without a pause. Voice -1 stands for several voices at once."""
    together = zone.sum(axis=1)
    masks = [(voice, zone[:, voice] & (together == 1)) for voice in range(zone.shape[1])]
    for voice, mask in [*masks, (-1, together > 1)]:
        start = end = -1
        for at in np.flatnonzero(mask):
            bridged = end >= 0 and (at - end) * FRAME_SAMPLES < PAUSE_SAMPLES and not together[end:at].any()
            if start >= 0 and (at == end or bridged):
                end = int(at) + 1
                continue
            if start >= 0:
                yield voice, start, end
            start, end = int(at), int(at) + 1
        if start >= 0:
            yield voice, start, end


def _open_run(runs: list[tuple[int, int, int]], frames: int) -> int | None:
    """The first frame of a short run that reaches the end of the zone, None if there is none."""
    open_runs = [
        start
        for _, start, stop in runs
        if (frames - stop) * FRAME_SAMPLES < PAUSE_SAMPLES and (stop - start) * FRAME_SAMPLES < CARRIED_SAMPLES
    ]
    if not open_runs:
        return None
    cut = min(open_runs)
    return cut if all(stop <= cut or start >= cut for _, start, stop in runs) else None


def _pieces(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """[start, stop) in the fewest equal pieces that are no longer than a unit may be."""
    count = math.ceil((stop - start) * FRAME_SAMPLES / UNIT_LIMIT_SAMPLES)
    edges = [start + round(index * (stop - start) / count) for index in range(count + 1)]
    yield from pairwise(edges)
