from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor

from training.data.audio import Samples
from workers.asr.features import log_mel


@pytest.mark.parametrize("seconds", [0.01, 1.0, 7.3, 29.99, 30.0])
def test_features_equal_those_of_transformers(meeting: Samples, seconds: float) -> None:
    samples = meeting[: int(seconds * 16_000)]
    extract: Any = WhisperFeatureExtractor  # untyped in transformers
    reference = extract()(samples / np.float32(32_768), sampling_rate=16_000, return_tensors="pt")
    ours = log_mel([samples], 3000, 80)
    torch.testing.assert_close(ours, reference.input_features, atol=2e-5, rtol=0)


def test_a_window_has_the_same_features_in_any_batch(meeting: Samples) -> None:
    windows = [meeting[:16_000], meeting[50_000:300_000], meeting[7_000:7_300]]
    together = log_mel(windows, 3000, 80)
    alone = torch.cat([log_mel([window], 3000, 80) for window in windows])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_fewer_frames_are_the_first_of_more_frames(meeting: Samples) -> None:
    samples = meeting[:32_000]
    torch.testing.assert_close(log_mel([samples], 250, 80), log_mel([samples], 3000, 80)[..., :250])
