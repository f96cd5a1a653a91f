"""Attention by 16-bit matrix products gives the result of PyTorch's attention in 32 bits."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from workers.asr.kernels.attention import attend, attend_openly


def tensors(queries: int, keys: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """q, k and v of two rows and three heads in the layout of projections, and a bias that hides some keys."""
    chance = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(2, n, 3, 16, generator=chance).transpose(1, 2) for n in (queries, keys, keys))
    bias = torch.zeros(2, 1, 1, keys)
    bias[1, ..., keys // 2 :] = -torch.inf
    bias[0, ..., -5:] = 2.0
    return q, k, v, bias


@pytest.mark.parametrize(("queries", "keys"), [(1, 300), (7, 40), (200, 300)])
@pytest.mark.parametrize("biased", [True, False])
def test_attention_in_16_bits_is_close_to_32_bits(queries: int, keys: int, biased: bool) -> None:
    q, k, v, bias = tensors(queries, keys)
    exact = scaled_dot_product_attention(q, k, v, attn_mask=bias if biased else None)
    approximate = attend(q.bfloat16(), k.bfloat16(), v.bfloat16(), bias.bfloat16() if biased else None)
    assert approximate.dtype == torch.bfloat16
    assert (approximate.float() - exact).abs().max() < 0.03


def test_a_bias_may_differ_for_each_query() -> None:
    q, k, v, _ = tensors(200, 200)
    causal = torch.zeros(2, 1, 200, 200).masked_fill_(torch.ones(200, 200).triu(1).bool(), -torch.inf)
    exact = scaled_dot_product_attention(q, k, v, attn_mask=causal)
    assert (attend(q.bfloat16(), k.bfloat16(), v.bfloat16(), causal.bfloat16()).float() - exact).abs().max() < 0.05


def test_the_returned_weights_are_those_that_mix_the_values() -> None:
    q, k, v, bias = tensors(4, 30)
    mixed, weights = attend_openly(q, k, v, bias)
    assert torch.allclose(weights.sum(-1), torch.ones(2, 3, 4), atol=1e-5)
    assert torch.equal(mixed, weights @ v)
    assert weights[1, ..., 15:].max() == 0
