"""Benchmark meetings: as long as asked for, all different, text and audio in step."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.offline import _cuts
from bench.speech import meetings

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MINUTEBOOK_SHARED", ROOT.parent / "shared"))


def test_without_recordings_the_sample_meeting_is_cut_at_its_turns(tmp_path: Path) -> None:
    made = meetings(tmp_path, 3, 20)
    assert all(20 <= speech.seconds < 45 for speech in made)
    assert len({speech.reference for speech in made}) == 3
    assert all(np.frombuffer(speech.pcm, "<i2").any() and speech.reference for speech in made)


def test_real_meetings_differ_and_are_long_enough() -> None:
    if not (SHARED / "audio").is_dir():
        pytest.skip(f"{SHARED / 'audio'} not found: skipping the benchmark's recordings")
    made = meetings(SHARED, 8, 60)
    assert all(60 <= speech.seconds < 100 for speech in made)
    assert len({speech.reference for speech in made}) == 8
    assert {speech.name.split("-")[0] for speech in made} == {"readers", "IS1008a"}


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(1, 900)), max_size=20), st.integers(0, 300))
def test_offline_windows_tile_the_recording_and_are_short_enough(gaps: list[tuple[int, int]], tail: int) -> None:
    spans, at = [], 0
    for gap, length in gaps:
        spans.append((at + gap, at + gap + length))
        at += gap + length
    end = at + tail
    cuts = _cuts(spans, end, 400)
    assert cuts[0] == 0
    assert cuts[-1] == end
    assert all(0 < after - before <= 400 for before, after in pairwise(cuts))
    cut_through = [last - first for first, last in spans if any(first < cut < last for cut in cuts)]
    assert all(length > 400 - 300 for length in cut_through)  # no pause was near enough
