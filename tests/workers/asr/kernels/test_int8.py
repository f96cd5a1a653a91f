"""Eight bits on a CPU: near enough to 32, and no row changes for its neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from schema.core.errors import UnsupportedPrecision
from tests.workers.asr.conftest import MODEL
from tests.workers.asr.word_errors import error_rate
from training.data.audio import Samples
from workers.asr.engine import load_engine
from workers.asr.hypothesis import Window
from workers.asr.kernels.int8 import INT8_DYNAMIC, RowLinear, WindowLinear
from workers.asr.model import load

SECOND = 16_000


@pytest.fixture
def x() -> torch.Tensor:
    """Three windows of unlike loudness."""
    return (
        torch.randn(3, 50, 64, generator=torch.Generator().manual_seed(1))
        * torch.tensor([0.1, 1.0, 30.0])[:, None, None]
    )


def layer(bias: bool) -> torch.nn.Linear:
    torch.manual_seed(2)
    return torch.nn.Linear(64, 96, bias=bias).requires_grad_(False)


@pytest.mark.parametrize("bias", [True, False])
def test_a_window_is_multiplied_to_within_a_hundredth(x: torch.Tensor, bias: bool) -> None:
    exact = layer(bias)
    error = WindowLinear(exact)(x) - exact(x)
    assert (error.abs().amax((1, 2)) < 0.02 * exact(x).abs().amax((1, 2))).all()


def test_a_row_of_the_vocabulary_is_multiplied_to_within_a_hundredth(x: torch.Tensor) -> None:
    exact = layer(bias=False)
    error = RowLinear(exact)(x) - exact(x)
    assert (error.abs().amax(2) < 0.02 * exact(x).abs().amax(2)).all()


def test_neighbours_change_nothing(x: torch.Tensor) -> None:
    windows, rows = WindowLinear(layer(bias=True)), RowLinear(layer(bias=False))
    assert torch.equal(windows(x)[1], windows(x[1:2])[0])
    assert torch.equal(rows(x[0])[7], rows(x[0, 7:8])[0])


def test_silence_multiplies_to_the_bias() -> None:
    exact = layer(bias=True)
    assert torch.equal(WindowLinear(exact)(torch.zeros(1, 5, 64))[0, 0], exact.bias)


@pytest.mark.model
def test_eight_bits_read_the_sample_meeting(models: Path, meeting: Samples, meeting_text: str) -> None:
    engine = load_engine(MODEL, models, precision=INT8_DYNAMIC, device="cpu")
    assert engine.whisper.precision == INT8_DYNAMIC
    windows = [Window(meeting[first : first + 28 * SECOND]) for first in range(0, len(meeting), 28 * SECOND)]
    text = "".join(hypothesis.text for hypothesis in engine.transcribe(windows, lanes=2))
    assert error_rate(meeting_text, text) < 0.05


@pytest.mark.model
def test_eight_bits_of_this_kind_are_for_a_cpu(models: Path) -> None:
    with pytest.raises(UnsupportedPrecision, match="int8_dynamic is for a CPU, not for meta"):
        load(MODEL, models, precision=INT8_DYNAMIC, device="meta")
