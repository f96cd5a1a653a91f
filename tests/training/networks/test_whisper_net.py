"""The forward pass of training compared with those of transformers, PEFT and the workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from tests.training.models import CACHE
from training.networks.low_rank import apply_linear
from training.networks.methods import ADAPTER_NAME, attach
from training.networks.whisper_net import attend, decode, encode
from training.runs.config import Method
from workers.asr.context import condensed_context, full_context
from workers.asr.encoder import encode as served_encode
from workers.asr.model import load

pytestmark = pytest.mark.model


@pytest.fixture
def net(model: Callable[[str], str]) -> Any:
    return load(model("whisper"), CACHE, "float32", "cpu").net


def randomised(net: Any) -> Any:
    """*net* with random adapter weights instead of the initial ones, which change nothing."""
    torch.manual_seed(11)
    for name, parameter in net.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return net


@pytest.mark.parametrize("kind", ["lora", "adalora"])
def test_loss_and_gradients_equal_those_of_transformers_and_peft(kind: str, net: Any) -> None:
    attach(net, Method(kind=kind, rank=2), ("q_proj", "v_proj", "fc1"), total_steps=20)  # type: ignore[arg-type]
    randomised(net).train()
    mel = torch.randn(2, 80, 3000)
    tokens = torch.tensor([[50257, 50362, 464, 11], [50257, 50362, 7, 8]])
    hidden = decode(net, tokens, encode(net, mel, full_context(2, 1500, "cpu")), None)
    ours = net.proj_out(hidden).float().log_softmax(-1)
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    our_gradients = torch.autograd.grad(ours[..., 464].sum(), trained)
    theirs = net(input_features=mel, decoder_input_ids=tokens).logits.log_softmax(-1)
    their_gradients = torch.autograd.grad(theirs[..., 464].sum(), trained)
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)
    for our, their in zip(our_gradients, their_gradients, strict=True):
        torch.testing.assert_close(our, their, atol=1e-2 * float(their.abs().max()), rtol=1e-2)


def test_the_encoder_with_a_condensed_context_equals_that_of_the_workers(net: Any) -> None:
    context = condensed_context([60, 90], 1500, 8, "cpu", torch.float32)
    mel = torch.randn(2, 80, context.frames)
    with torch.no_grad():
        torch.testing.assert_close(encode(net, mel, context), served_encode(net, mel, context, None))


def test_recomputed_layers_give_the_same_gradients(net: Any) -> None:
    attach(net, Method(rank=2), ("q_proj", "fc2"), total_steps=20)
    randomised(net).train()
    mel, tokens = torch.randn(1, 80, 3000), torch.tensor([[50257, 50362, 464]])
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    gradients = [
        torch.autograd.grad(
            decode(net, tokens, encode(net, mel, full_context(1, 1500, "cpu"), recompute), None, recompute).sum(),
            trained,
        )
        for recompute in (False, True)
    ]
    torch.testing.assert_close(gradients[0], gradients[1])


def test_an_encoder_without_trained_weights_records_no_gradient(net: Any) -> None:
    attach(net, Method(rank=2, targets=("encoder_attn.q_proj",)), (), total_steps=20)
    assert not encode(net, torch.randn(1, 80, 3000), full_context(1, 1500, "cpu")).requires_grad


def test_dropout_on_the_input_of_an_adapter_equals_that_of_peft(net: Any) -> None:
    attach(net, Method(rank=2, dropout=0.5), ("fc1",), total_steps=20)
    layer = randomised(net).model.encoder.layers[0].fc1.train()
    assert ADAPTER_NAME in layer.lora_A
    x = torch.randn(1, 4, 64)
    torch.manual_seed(1)
    ours = apply_linear(layer, x)
    torch.manual_seed(1)
    torch.testing.assert_close(ours, layer(x))


@pytest.mark.parametrize("biased", [False, True])
def test_values_and_gradients_equal_those_of_pytorchs_attention(biased: bool) -> None:
    torch.manual_seed(2)
    shape = (2, 3, 70, 16)
    exact = [torch.randn(shape, requires_grad=True) for _ in range(3)]
    bias = torch.randn(2, 1, 1, 70) if biased else None
    kept = [part.detach().to(torch.bfloat16).requires_grad_() for part in exact]
    wanted = scaled_dot_product_attention(exact[0], exact[1], exact[2], attn_mask=bias)
    got = attend(kept[0], kept[1], kept[2], None if bias is None else bias.to(torch.bfloat16))
    direction = torch.randn(shape)
    theirs = torch.autograd.grad((wanted * direction).sum(), exact)
    ours = torch.autograd.grad((got * direction.to(torch.bfloat16)).sum(), kept)
    torch.testing.assert_close(got.float(), wanted, atol=0.03, rtol=0.03)
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our.float(), their, atol=0.06, rtol=0.06)
