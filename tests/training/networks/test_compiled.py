"""NetOfBlocks are compiled where that is possible, and the reason is told where it is not."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch import nn

from schema.core.errors import InvalidConfig
from training.networks.compiled import compile_blocks


class TinyBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return states + nn.functional.gelu(self.linear(states))


class NetOfBlocks(nn.Sequential):
    _no_split_modules = ("TinyBlock",)


def gradients(net: nn.Module, states: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(net(states).sum(), list(net.parameters())))


@pytest.mark.filterwarnings("default")  # the compiler warns of itself
@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_compiled_blocks_compute_the_same_states_and_gradients() -> None:
    torch.manual_seed(1)
    net = NetOfBlocks(TinyBlock(), TinyBlock())
    states = torch.randn(3, 5, 8)
    expected, before = net(states), gradients(net, states)
    names = list(net.state_dict())
    compile_blocks(net, "cpu")
    torch.testing.assert_close(net(states), expected)
    torch.testing.assert_close(gradients(net, states), before)
    assert list(net.state_dict()) == names


def test_a_cpu_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InvalidConfig, match="Install g"):
        compile_blocks(NetOfBlocks(TinyBlock()), "cpu")


def test_a_network_without_blocks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "sh")
    with pytest.raises(InvalidConfig, match="names no blocks"):
        compile_blocks(nn.Linear(2, 2), "cpu")
