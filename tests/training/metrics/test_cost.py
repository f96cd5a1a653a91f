"""Sizes of models and folders, and times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from training.metrics.cost import folder_bytes, latency, memory_bytes, trainable
from workers.asr.error_rates import Counts


def test_tied_weights_count_once() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(4, 4, bias=False), torch.nn.Linear(4, 4, bias=False))
    assert memory_bytes(net) == 2 * 16 * 4
    net[1].weight = net[0].weight
    assert memory_bytes(net) == 16 * 4
    assert memory_bytes(net.to(torch.bfloat16)) == 16 * 2


def test_the_trainable_share_leaves_frozen_weights_out() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 1))
    net[0].requires_grad_(False)
    assert trainable(net) == Counts(5, 25)


def test_packed_weights_count_as_the_weights_they_represent() -> None:
    import bitsandbytes

    net: Any = bitsandbytes.nn.Linear4bit(64, 64, bias=False, quant_type="nf4").to("cpu")  # type: ignore[attr-defined,no-untyped-call]
    assert net.weight.dtype == torch.uint8
    assert trainable(net).total == 64 * 64
    assert memory_bytes(net) == 64 * 64 // 2


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_bytes(bytes(100))
    (tmp_path / "sub/b").write_bytes(bytes(23))
    assert folder_bytes(tmp_path) == 123


def test_latency_is_reported_as_quantiles() -> None:
    found = latency([0.01 * place for place in range(101)])
    assert (found.p50_s, found.p95_s) == pytest.approx((0.5, 0.95))
