"""Missing or wrong kernels are detected before a model is loaded, and slower ones are used instead.

An empty namespace of PyTorch stands for a release without the operators.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from schema.core.errors import UnsupportedPrecision
from tests.workers.asr.conftest import MODEL, error_rate
from tests.workers.asr.kernels.test_int8 import AVX2, ROOT, SECOND
from training.data.audio import Samples
from workers.asr.engine import load_engine
from workers.asr.hypothesis import Window
from workers.asr.kernels import int8, kernel_choice
from workers.asr.kernels.int8 import INT8_DYNAMIC
from workers.asr.kernels.kernel_choice import choose_kernels
from workers.asr.kernels.packed import PackedLinear
from workers.models.precision import choose_precision

without_16_bits = pytest.mark.skipif(
    choose_precision("auto", "cpu") != "bfloat16",
    reason="only 16-bit layers are packed, which do not pay here",
)


@pytest.fixture
def without_eight_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops, "onednn", torch._ops._OpNamespace("absent"))


@pytest.fixture
def without_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", torch._ops._OpNamespace("absent"))


@pytest.fixture
def vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `auto` try 8 bits even on a processor without VNNI."""
    monkeypatch.setattr(kernel_choice, "pays_here", lambda: True)


@pytest.mark.usefixtures("without_eight_bits", "vnni")
def test_auto_chooses_the_next_precision_when_8_bits_are_missing() -> None:
    chosen = choose_kernels("auto", "cpu")
    assert chosen.precision == choose_precision("auto", "cpu")
    assert not chosen.weight_bits
    (warning,) = chosen.warnings
    assert warning.startswith("8 bits are not used: PyTorch's operators do not work: ")
    assert "has no attribute 'qlinear_prepack'" in warning


@pytest.mark.usefixtures("without_eight_bits")
def test_8_bits_asked_for_by_name_are_refused_with_the_remedy_when_missing() -> None:
    with pytest.raises(
        UnsupportedPrecision,
        match=r"int8_dynamic does not work here: .*'qlinear_prepack'.* Use bfloat16 or float32, or install torch as",
    ):
        choose_kernels(INT8_DYNAMIC, "cpu")


def test_8_bits_are_refused_when_their_products_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    right = int8.Weights.multiply
    monkeypatch.setattr(int8.Weights, "multiply", lambda *given: right(*given) * 1.01)
    with pytest.raises(UnsupportedPrecision, match=r"int8_dynamic does not work here: the products .* are wrong"):
        choose_kernels(INT8_DYNAMIC, "cpu")


@without_16_bits
@pytest.mark.model
@pytest.mark.usefixtures("without_packing")
def test_without_packing_a_model_loads_with_plain_layers_and_a_warning_and_transcribes(
    models: Path, meeting: Samples, caplog: pytest.LogCaptureFixture
) -> None:
    engine = load_engine(MODEL, models, precision=INT8_DYNAMIC, device="cpu")
    assert not any(isinstance(module, PackedLinear) for module in engine.whisper.net.modules())
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{MODEL}: the decoder's layers are not packed: PyTorch's operators do not")
    assert "has no attribute '_reorder_linear_weight'" in record.getMessage()
    (hypothesis,) = engine.transcribe([Window(meeting[: 9 * SECOND])])
    assert error_rate("Good morning everyone thanks for joining", hypothesis.text[:42]) < 0.2


@without_16_bits
@pytest.mark.model
def test_layers_are_packed_when_the_operators_exist(models: Path) -> None:
    engine = load_engine(MODEL, models, precision=INT8_DYNAMIC, device="cpu")
    assert any(isinstance(module, PackedLinear) for module in engine.whisper.net.modules())


@pytest.mark.model
def test_without_vnni_the_log_says_that_weights_have_7_bits(models: Path) -> None:
    load = f"from workers.asr.model import load, Path; load('{MODEL}', Path('{models}'), '{INT8_DYNAMIC}', 'cpu')"
    environment = {**os.environ, **AVX2, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-c", load], env=environment, cwd=ROOT, check=True, stderr=subprocess.PIPE, text=True
    )
    assert told.stderr.splitlines() == [
        f"{MODEL}: precision int8_dynamic has weights of 7 bits here: "
        "without VNNI, oneDNN cuts off sums of 8-bit products"
    ]
