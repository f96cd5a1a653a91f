from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from training.networks.whisper_net import attend


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
