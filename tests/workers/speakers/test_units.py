"""Units in the frames of windows, without a model."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schema.core.units import samples_of_s
from workers.speakers.units import (
    FRAME_SAMPLES,
    UNIT_LIMIT_SAMPLES,
    Frames,
    UnitSpan,
    WindowSpan,
    find_units,
    next_windows,
)

S = samples_of_s(1)


def frames_of(window: WindowSpan, *turns: tuple[int, float, float]) -> Frames:
    """Frames of *window* in which voice, from and to (seconds of the track) speak."""
    count = (window.end_sample - window.first_sample) // FRAME_SAMPLES - 3
    frames = np.zeros((max(count, 0), 3), bool)
    middles = (window.first_sample + 495 + np.arange(len(frames)) * FRAME_SAMPLES) / S
    for voice, first_s, end_s in turns:
        frames[(middles >= first_s) & (middles < end_s), voice] = True
    return frames


def track_units(end_sample: int, *turns: tuple[int, float, float]) -> list[UnitSpan]:
    """All units of a track that ends at *end_sample*, window by window."""
    settled, found = 0, []
    while windows := next_windows(settled, end_sample, True, 1):
        units, settled = find_units(frames_of(windows[0], *turns), windows[0], settled)
        found += units
    assert settled == end_sample
    return found


def seconds(units: list[UnitSpan]) -> list[tuple[float, float]]:
    return [(round(unit.first_sample / S, 1), round(unit.end_sample / S, 1)) for unit in units]


def test_a_turn_is_cut_into_equal_units() -> None:
    (window,) = next_windows(0, 20 * S, False, 1)
    units, _ = find_units(frames_of(window, (0, 0.2, 1.9)), window, 0)
    assert seconds(units) == [(0.2, 1.9)]
    assert all(unit.end_sample - unit.first_sample <= UNIT_LIMIT_SAMPLES + FRAME_SAMPLES for unit in units)


def test_a_pause_ends_a_unit_and_a_breath_does_not() -> None:
    assert seconds(track_units(4 * S, (0, 0.2, 0.8), (0, 0.9, 1.4))) == [(0.2, 1.4)]
    assert seconds(track_units(4 * S, (0, 0.2, 0.8), (0, 1.2, 1.7))) == [(0.2, 0.8), (1.2, 1.7)]


def test_several_at_once_are_nobodys_unit() -> None:
    units = track_units(6 * S, (0, 0.2, 1.5), (1, 1.0, 1.9))
    assert [(each, unit.overlap) for each, unit in zip(seconds(units), units, strict=True)] == [
        ((0.2, 1.0), False),
        ((1.0, 1.5), True),
        ((1.5, 1.9), False),
    ]


def test_a_unit_that_just_begins_is_left_to_the_next_window() -> None:
    (window,) = next_windows(0, 20 * S, False, 1)
    units, settled = find_units(frames_of(window, (0, 1.4, 4.0)), window, 0)
    assert units == []
    assert 1.3 * S < settled < 1.5 * S
    assert seconds(track_units(10 * S, (0, 1.4, 3.4))) == [(1.4, 3.4)]


def test_very_short_sounds_are_no_unit() -> None:
    assert track_units(4 * S, (0, 1.0, 1.2)) == []


def test_an_endless_track_is_read_on_the_grid() -> None:
    ends = [window.end_sample / S for window in next_windows(0, 11 * S, False, 9)]
    assert ends == [2.5, 5.0, 7.5, 10.0]
    assert next_windows(0, 2 * S, False, 9) == []
    assert next_windows(4 * S, 4 * S, True, 9) == []


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0, 30), st.floats(0.1, 6)), max_size=12),
    st.floats(0.05, 33),
    st.lists(st.floats(0.1, 33), max_size=4),
)
def test_when_the_audio_comes_changes_no_unit(
    turns: list[tuple[int, float, float]], end_s: float, arrivals: list[float]
) -> None:
    said = [(voice, first, first + length) for voice, first, length in turns]
    end = samples_of_s(end_s)
    settled, found = 0, []
    for received in [*sorted(samples_of_s(min(each, end_s)) for each in arrivals), end]:
        while windows := next_windows(settled, received, received == end, 1):
            units, settled = find_units(frames_of(windows[0], *said), windows[0], settled)
            found += units
    assert found == track_units(end, *said)
    assert settled == end
    edges = [(unit.first_sample, unit.end_sample) for unit in found]
    assert edges == sorted(edges)
    assert all(one[1] <= two[0] for one, two in pairwise(edges))
