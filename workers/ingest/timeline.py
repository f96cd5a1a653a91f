"""The timeline of a stream: where its frames belong in the meeting, by those of their timestamps that can be believed.

Time 0 is the start of the file's presentation, so what is said has the time at which a player shows it.

    timestamps                     effect
    a bit off, or a drifting clock the sound is stretched or squeezed, by `Sound`
    a jump ahead                   a hole, unless it is too long to be true
    a short jump back              the sound is squeezed, so nothing is lost
    a long jump, or back           a restart: the sound goes on where it was, and later timestamps count from there
    one that the next one denies   ignored
"""

from __future__ import annotations

from fractions import Fraction

import av

JITTER_S = 0.1
"""A smaller difference between a timestamp and the sound before it is no hole."""
SQUEEZED_LIMIT_S = 2.0
"""Sound may run this far ahead of its timestamps, and is then squeezed until they agree."""
HOLE_LIMIT_S = 4 * 3600.0
"""The longest hole that is believed."""
RESTARTING_HOLE_LIMIT_S = 600.0
"""The longest hole that is believed in formats such as MPEG-TS, whose timestamps may start again anywhere."""
FROM_ZERO = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
"""Formats whose presentation starts at time 0, also if all of their streams start later."""
LATE_LIMIT_S = 600.0
"""Streams that all start later than that come from the middle of something longer, which starts where they do."""


def presentation_start_s(container_format: str, first_time: int) -> Fraction:
    """When the presentation of a file starts, in seconds.

    *first_time*, in `av.time_base`, is the time at which its first stream starts.
    """
    first_s = Fraction(first_time, av.time_base)
    from_zero = container_format in FROM_ZERO and 0 <= first_s <= LATE_LIMIT_S
    return Fraction(0) if from_zero else first_s


class Timeline:
    """*start* is the time of the presentation's start in seconds. `restarts` counts the restarts of the timestamps."""

    def __init__(self, start: Fraction, hole_limit_s: float = HOLE_LIMIT_S) -> None:
        self.restarts = 0
        self._start = start
        self._hole_limit_s = hole_limit_s
        self._moved_s = 0.0

    def place_s(self, frame: av.AudioFrame, follower: av.AudioFrame | None, end_s: float) -> float:
        """Return where *frame* begins in the meeting, in seconds. The sound before it ends at *end_s*.

        *follower* is the frame after it, None for the last one.
        """
        time_s = self._time_s(frame)
        if time_s is None or self._is_outlier(time_s, frame, follower, end_s):
            return end_s
        if -SQUEEZED_LIMIT_S <= time_s - end_s <= self._hole_limit_s:
            return time_s
        self.restarts += 1
        self._moved_s += end_s - time_s
        return end_s

    def _time_s(self, frame: av.AudioFrame) -> float | None:
        if frame.pts is None or frame.time_base is None:
            return None
        return float(frame.pts * frame.time_base - self._start) + self._moved_s

    def _is_outlier(self, time_s: float, frame: av.AudioFrame, follower: av.AudioFrame | None, end_s: float) -> bool:
        """Whether *frame* jumps and the time of its follower fits better to the sound before it."""
        next_s = None if follower is None else self._time_s(follower)
        if next_s is None or abs(time_s - end_s) <= JITTER_S:
            return False
        duration_s = frame.samples / frame.sample_rate
        return abs(next_s - duration_s - end_s) < abs(next_s - duration_s - time_s)
