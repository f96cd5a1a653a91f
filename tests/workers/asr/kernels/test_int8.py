"""8-bit matrix products on a CPU: they are close to 32-bit ones, and no row depends on its neighbours.

Weights have as many bits as this processor multiplies exactly, and also 7, which every processor does.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from schema.core.errors import UnsupportedPrecision
from tests.workers.asr.conftest import MODEL, error_rate
from training.data.audio import Samples
from workers.asr.engine import load_engine
from workers.asr.hypothesis import Window
from workers.asr.kernels.int8 import INT8_DYNAMIC, RowLinear, WindowLinear
from workers.asr.kernels.kernel_choice import choose_kernels
from workers.asr.model import load

SECOND = 16_000
ROOT = Path(__file__).parents[4]
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
"""Makes oneDNN and PyTorch compute as on a processor that has AVX2 and nothing wider."""
MULTIPLY_WITHOUT_VNNI = """
import torch
from tests.workers.asr.kernels.test_int8 import layer, loud_and_quiet
from workers.asr.kernels.int8 import RowLinear, WindowLinear
from workers.asr.kernels.kernel_choice import choose_kernels

bits = choose_kernels("int8_dynamic", "cpu").weight_bits
exact, x = layer(bias=False), loud_and_quiet()
for used in (bits, 8):
    windows, rows = WindowLinear(exact, used)(x) - exact(x), RowLinear(exact, used)(x) - exact(x)
    worst_window = (windows.abs().amax((1, 2)) / exact(x).abs().amax((1, 2))).max().item()
    worst_row = (rows.abs().amax(2) / exact(x).abs().amax(2)).max().item()
    print(used, worst_window, worst_row)
"""


@pytest.fixture(scope="module", params=["as many as here", "seven"])
def bits(request: pytest.FixtureRequest) -> int:
    """The number of bits of the weights."""
    return 7 if request.param == "seven" else choose_kernels(INT8_DYNAMIC, "cpu").weight_bits


@pytest.fixture
def x() -> torch.Tensor:
    return loud_and_quiet()


def loud_and_quiet() -> torch.Tensor:
    """Three windows of different loudness."""
    return (
        torch.randn(3, 50, 64, generator=torch.Generator().manual_seed(1))
        * torch.tensor([0.1, 1.0, 30.0])[:, None, None]
    )


def layer(bias: bool) -> torch.nn.Linear:
    torch.manual_seed(2)
    return torch.nn.Linear(64, 96, bias=bias).requires_grad_(False)


@pytest.mark.parametrize("bias", [True, False])
def test_the_error_of_a_window_is_below_two_percent_of_its_largest_value(
    x: torch.Tensor, bias: bool, bits: int
) -> None:
    exact = layer(bias)
    error = WindowLinear(exact, bits)(x) - exact(x)
    assert (error.abs().amax((1, 2)) < 0.02 * exact(x).abs().amax((1, 2))).all()


def test_the_error_of_a_row_is_below_two_percent_of_its_largest_value(x: torch.Tensor, bits: int) -> None:
    exact = layer(bias=False)
    error = RowLinear(exact, bits)(x) - exact(x)
    assert (error.abs().amax(2) < 0.02 * exact(x).abs().amax(2)).all()


def test_windows_and_rows_do_not_depend_on_their_neighbours(x: torch.Tensor, bits: int) -> None:
    windows, rows = WindowLinear(layer(bias=True), bits), RowLinear(layer(bias=False), bits)
    assert torch.equal(windows(x)[1], windows(x[1:2])[0])
    assert torch.equal(rows(x[0])[7], rows(x[0, 7:8])[0])


def test_the_product_of_silence_is_the_bias(bits: int) -> None:
    exact = layer(bias=True)
    assert torch.equal(WindowLinear(exact, bits)(torch.zeros(1, 5, 64))[0, 0], exact.bias)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="AVX2 and VNNI are x86's")
def test_without_vnni_weights_have_7_bits_and_products_are_right() -> None:
    environment = {**os.environ, **AVX2, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", MULTIPLY_WITHOUT_VNNI]
    told = subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    used, eight = ([float(figure) for figure in line.split()] for line in told.stdout.splitlines())
    assert used[0] == 7
    assert max(used[1:]) < 0.02
    # Wrong products with 8 bits show that the environment took VNNI away.
    assert min(eight[1:]) > 0.1


@pytest.mark.model
def test_the_sample_meeting_is_transcribed_in_8_bits_with_few_word_errors(
    models: Path, meeting: Samples, meeting_text: str
) -> None:
    engine = load_engine(MODEL, models, precision=INT8_DYNAMIC, device="cpu")
    assert engine.whisper.precision == INT8_DYNAMIC
    windows = [Window(meeting[first : first + 28 * SECOND]) for first in range(0, len(meeting), 28 * SECOND)]
    text = "".join(hypothesis.text for hypothesis in engine.transcribe(windows, lanes=2))
    assert error_rate(meeting_text, text) < 0.05


@pytest.mark.model
def test_int8_dynamic_is_refused_on_another_device_than_a_cpu(models: Path) -> None:
    with pytest.raises(UnsupportedPrecision, match="int8_dynamic is for a CPU, not for meta"):
        load(MODEL, models, precision=INT8_DYNAMIC, device="meta")
