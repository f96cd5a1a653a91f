"""A run starts from the adapters of the recogniser and the summarizer, or is refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from schema.core.errors import AdapterMismatch, InvalidConfig
from tests.training.e2e.conftest import Loaded, write_adapter
from tests.training.models import CACHE
from training.e2e.warm_start import add_products, read_products
from training.networks.methods import attach
from training.networks.whisper_net import encode
from training.runs.config import Method
from workers.asr.context import full_context
from workers.asr.model import load as load_whisper
from workers.summarize.writing.model import load_model

pytestmark = pytest.mark.model
ENDS = ("q_proj", "v_proj", "fc1")
TEXT_ENDS = ("q_proj", "down_proj")
SPEECH_LAYERS = [
    f"model.encoder.layers.{n}.{end}" for n in (0, 1) for end in ("self_attn.q_proj", "self_attn.v_proj", "fc1")
]
TEXT_LAYERS = [f"model.layers.{n}.{end}" for n in (0, 1) for end in ("self_attn.q_proj", "mlp.down_proj")]
TARGETS = [*(f"speech.{name}" for name in SPEECH_LAYERS), *(f"text.{name}" for name in TEXT_LAYERS)]


@pytest.fixture(scope="module", params=["lora", "adalora"])
def adapters(
    request: pytest.FixtureRequest, model: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """An adapter of the recogniser, which also changes its decoder, and one of the summarizer."""
    root = tmp_path_factory.mktemp(request.param)
    whisper = load_whisper(model("whisper"), CACHE, "float32", "cpu")
    text = load_model(model("decoder"), CACHE, precision="float32", device="cpu")
    return (
        write_adapter(whisper.net, root / "asr", request.param, ENDS, whisper.reference),
        write_adapter(text.net, root / "summary", request.param, TEXT_ENDS, text.reference),
    )


def warm_start(loaded: Loaded, adapters: tuple[Path, Path], method: Method) -> None:
    whisper, text, net = loaded
    left_out = ("model.decoder.", "proj_out")
    speech = read_products(adapters[0], net.speech, whisper.reference, whisper.checksum, left_out)
    text_products = read_products(adapters[1], net.text, text.reference, text.checksum)
    attach(net, method, TARGETS, 20)
    add_products(net, {f"speech.{name}": product for name, product in speech.items()}, "options.asr_adapter")
    add_products(net, {f"text.{name}": product for name, product in text_products.items()}, "options.summary_adapter")


METHODS = {
    "lora": Method(kind="lora", rank=8),
    "adalora": Method(kind="adalora", rank=6, init_rank=8),
    "full": Method(kind="full"),
}


@pytest.mark.parametrize("method", METHODS)
@torch.no_grad()
def test_the_joint_adapter_starts_with_the_effect_of_both_adapters(
    method: str, adapters: tuple[Path, Path], loaded: Callable[..., Loaded], model: Callable[[str], str]
) -> None:
    ours = loaded("decoder")
    warm_start(ours, adapters, METHODS[method])
    net = ours[2].eval()
    text = load_model(model("decoder"), CACHE, precision="float32", device="cpu")
    text.load_adapter("theirs", adapters[1])
    text.use_adapter("theirs")
    tokens = torch.tensor([[5, 9, 20, 31]])
    plain = loaded("decoder")[1].net(tokens).logits
    theirs = text.net(tokens).logits
    assert not torch.allclose(theirs, plain, atol=1e-2)
    assert torch.allclose(net.text(tokens).logits, theirs, atol=1e-3)
    whisper = load_whisper(model("whisper"), CACHE, "float32", "cpu", {"theirs": adapters[0]})
    mel, context = torch.randn(1, 80, 3000), full_context(1, 1500, "cpu")
    for layer in whisper.net.modules():
        if hasattr(layer, "lora_A"):
            layer.set_adapter(["theirs"], inference_mode=True)
    assert torch.allclose(encode(net.speech, mel, context), encode(whisper.net, mel, context), atol=1e-3)


def test_a_lower_rank_starts_with_the_nearest_approximation(
    adapters: tuple[Path, Path], loaded: Callable[..., Loaded], caplog: pytest.LogCaptureFixture
) -> None:
    _, text, net = loaded("decoder")
    products = read_products(adapters[1], net.text, text.reference, text.checksum)
    attach(net, Method(kind="lora", rank=2), TARGETS, 20)
    add_products(net, {f"text.{name}": product for name, product in products.items()}, "options.summary_adapter")
    name, product = next(iter(products.items()))
    layer = net.text.get_submodule(name)
    whole = product.up @ product.down
    values = torch.linalg.svdvals(whole)
    left = whole - layer.get_delta_weight("default").detach()
    assert left.norm() == pytest.approx(float(values[2:].square().sum().sqrt()), rel=1e-3)
    assert "the run's rank retains" in caplog.text


def test_layers_changed_by_an_adapter_must_be_trained(
    adapters: tuple[Path, Path], loaded: Callable[..., Loaded]
) -> None:
    whisper, _, net = loaded("decoder")
    products = read_products(adapters[0], net.speech, whisper.reference, whisper.checksum, ("model.decoder.",))
    attach(net, Method(kind="lora", rank=8), [f"text.{name}" for name in TEXT_LAYERS], 20)
    heard = {f"speech.{name}": product for name, product in products.items()}
    with pytest.raises(InvalidConfig, match=r"options\.asr_adapter changes speech\.model\.encoder.*does not learn"):
        add_products(net, heard, "options.asr_adapter")


def test_an_adapter_of_another_base_is_refused(
    adapters: tuple[Path, Path], loaded: Callable[..., Loaded], tmp_path: Path
) -> None:
    whisper, text, net = loaded("decoder")
    with pytest.raises(AdapterMismatch, match=f"trained for '{whisper.reference}', but the model is '{text.reference}"):
        read_products(adapters[0], net.text, text.reference, text.checksum)
    for path in adapters[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "minutebook.json").write_text(json.dumps({}))
    with pytest.raises(AdapterMismatch, match=r"changes model\.decoder.* has no such layer"):
        read_products(tmp_path, net.text, text.reference, text.checksum)
