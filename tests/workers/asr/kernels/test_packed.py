"""Packed layers give the results of plain layers, alone and combined."""

from __future__ import annotations

import pytest
import torch

from workers.asr.kernels.packed import PackedLinear, Product
from workers.asr.kernels.products import project_all

pytestmark = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this processor has no 16-bit matrix products"
)


@pytest.fixture(scope="module")
def plain() -> list[torch.nn.Linear]:
    """Layers for queries, keys (without a bias) and values."""
    torch.manual_seed(4)
    layers = [torch.nn.Linear(64, 96, bias=biased) for biased in (True, False, True)]
    return [layer.bfloat16().requires_grad_(False) for layer in layers]


@pytest.fixture(scope="module")
def packed(plain: list[torch.nn.Linear]) -> list[PackedLinear]:
    product = Product(plain)
    return [PackedLinear(layer, product, place) for place, layer in enumerate(plain)]


@pytest.mark.parametrize("rows", [1, 16, 100])
def test_packed_layers_give_the_results_of_plain_layers(
    plain: list[torch.nn.Linear], packed: list[PackedLinear], rows: int
) -> None:
    x = torch.randn(rows, 2, 64).bfloat16()
    with torch.inference_mode():
        for each, exact in zip(packed, plain, strict=True):
            assert torch.allclose(each(x), exact(x), atol=0.02)


def test_a_combined_product_gives_the_results_of_its_layers(packed: list[PackedLinear]) -> None:
    x = torch.randn(3, 1, 64).bfloat16()
    with torch.inference_mode():
        together = project_all([packed[2], packed[0], packed[1]], x, None)
        assert all(torch.equal(part, packed[place](x)) for part, place in zip(together, (2, 0, 1), strict=True))
        assert all(part.shape == (3, 1, 96) for part in together)


def test_a_packed_layer_keeps_no_second_copy_of_its_weights(packed: list[PackedLinear]) -> None:
    assert packed[0].weight.shape == (96, 64)
    assert packed[0].weight.untyped_storage().nbytes() == 2
