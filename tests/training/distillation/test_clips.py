from __future__ import annotations

import numpy as np
import pytest

from schema.core.units import SAMPLE_RATE_HZ
from training.distillation.clips import Clip, draw_clips, render_clip

LENGTHS = [40_000, 250_000, 480_000]
SPAN_S = (2.0, 15.0)


def test_every_recording_gives_the_same_number_of_clips_within_the_limits() -> None:
    clips = draw_clips(LENGTHS, 50, *SPAN_S, seed=1)
    assert sorted(clip.place for clip in clips) == sorted(list(range(3)) * 50)
    for clip in clips:
        assert clip.first_sample >= 0
        assert clip.first_sample + clip.samples <= LENGTHS[clip.place]
        assert SPAN_S[0] * SAMPLE_RATE_HZ <= clip.samples
        assert len(clip) <= SPAN_S[1] * SAMPLE_RATE_HZ


def test_clips_depend_only_on_the_seed_and_a_larger_number_extends_them() -> None:
    few = draw_clips(LENGTHS, 2, *SPAN_S, seed=7)
    assert draw_clips(LENGTHS, 5, *SPAN_S, seed=7)[: len(few)] == few
    assert draw_clips(LENGTHS, 2, *SPAN_S, seed=8) != few


def test_a_recording_shorter_than_a_clip_is_used_whole() -> None:
    (clip,) = draw_clips([SAMPLE_RATE_HZ], 1, *SPAN_S, seed=1)
    assert (clip.first_sample, clip.samples) == (0, SAMPLE_RATE_HZ)


def test_pauses_are_added_at_both_ends_of_the_clip() -> None:
    recording = np.arange(1, 1001, dtype=np.int16)
    samples = render_clip(Clip(0, 100, 500, before=30, behind=20, snr_db=None, seed=1), recording)
    assert not samples[:30].any()
    assert not samples[-20:].any()
    assert samples[30:-20].tolist() == recording[100:600].tolist()


@pytest.mark.parametrize("snr_db", [5.0, 20.0])
def test_noise_has_the_requested_signal_to_noise_ratio(snr_db: float) -> None:
    recording = (8000 * np.sin(np.arange(32_000) / 7)).astype(np.int16)
    plain, noisy = (render_clip(Clip(0, 0, 32_000, 0, 0, snr, 3), recording).astype(float) for snr in (None, snr_db))
    measured = 10 * np.log10(np.mean(plain**2) / np.mean((noisy - plain) ** 2))
    assert measured == pytest.approx(snr_db, abs=0.3)
