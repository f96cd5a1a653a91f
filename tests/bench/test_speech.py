"""Meetings for the benchmark: of the requested length, all different, with matching text."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bench.speech import meetings

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MINUTEBOOK_SHARED", ROOT.parent / "shared"))


def test_without_recordings_the_sample_meeting_is_cut_at_its_turns(tmp_path: Path) -> None:
    made = meetings(tmp_path, 3, 20)
    assert all(20 <= speech.seconds < 45 for speech in made)
    assert len({speech.reference for speech in made}) == 3
    assert all(np.frombuffer(speech.pcm, "<i2").any() and speech.reference for speech in made)


def test_meetings_from_recordings_differ_and_have_the_requested_length() -> None:
    if not (SHARED / "audio").is_dir():
        pytest.skip(f"{SHARED / 'audio'} not found: skipping the benchmark's recordings")
    made = meetings(SHARED, 8, 60)
    assert all(60 <= speech.seconds < 100 for speech in made)
    assert len({speech.reference for speech in made}) == 8
    assert {speech.name.split("-")[0] for speech in made} == {"readers", "IS1008a"}
