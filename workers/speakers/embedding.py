"""Describes a voice in 192 numbers: CAM++.

H. Wang et al., "CAM++: A fast and efficient network for speaker verification using context-aware masking" (2023). The
names of the modules are those of the published weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE = 192
"""Numbers of an embedding."""
_GROWTH, _BOTTLENECK, _CONTEXT_FRAMES = 32, 128, 100
_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each dense block."""


def _norm(width: int, *, affine: bool = True) -> nn.Sequential:
    named = nn.Sequential()
    named.add_module("batchnorm", nn.BatchNorm1d(width, affine=affine))
    return named


class ResidualBlock(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(32, 32, 3, stride=(stride, 1), padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(32, 32, 1, stride=(stride, 1), bias=False), nn.BatchNorm2d(32))

    def forward(self, bands: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(bands)))
        return functional.relu(self.bn2(self.conv2(out)) + self.shortcut(bands))


class Head(nn.Module):
    """(batch, 80, frames) → (batch, 320, frames): two-dimensional convolutions over bands and frames."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.layer1 = nn.Sequential(ResidualBlock(2), ResidualBlock(1))
        self.layer2 = nn.Sequential(ResidualBlock(2), ResidualBlock(1))
        self.conv2 = nn.Conv2d(32, 32, 3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)

    def forward(self, bands: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(bands.unsqueeze(1))))
        out = self.layer2(self.layer1(out))
        return functional.relu(self.bn2(self.conv2(out))).flatten(1, 2)


class MaskedLayer(nn.Module):
    """A convolution whose output is weighted by the context: the mean of the whole, and of each 100 frames."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(_BOTTLENECK, _GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(_BOTTLENECK, _BOTTLENECK // 2, 1)
        self.linear2 = nn.Conv1d(_BOTTLENECK // 2, _GROWTH, 1)

    def forward(self, frames: Tensor) -> Tensor:
        near = functional.avg_pool1d(frames, _CONTEXT_FRAMES, _CONTEXT_FRAMES, ceil_mode=True)
        near = near.repeat_interleave(_CONTEXT_FRAMES, dim=-1)[..., : frames.shape[-1]]
        mask = self.linear2(functional.relu(self.linear1(frames.mean(-1, keepdim=True) + near)))
        out: Tensor = self.linear_local(frames) * mask.sigmoid()
        return out


class DenseLayer(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _norm(width)
        self.linear1 = nn.Conv1d(width, _BOTTLENECK, 1, bias=False)
        self.nonlinear2 = _norm(_BOTTLENECK)
        self.cam_layer = MaskedLayer(dilation)

    def forward(self, frames: Tensor) -> Tensor:
        out = self.linear1(functional.relu(self.nonlinear1(frames)))
        out = self.cam_layer(functional.relu(self.nonlinear2(out)))
        return torch.cat([frames, out], dim=1)


class Transition(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.nonlinear = _norm(width)
        self.linear = nn.Conv1d(width, width // 2, 1, bias=False)

    def forward(self, frames: Tensor) -> Tensor:
        out: Tensor = self.linear(functional.relu(self.nonlinear(frames)))
        return out


class Ends(nn.Module):
    """The first convolution, `linear`, with its norm; and the last one, which has no affine norm."""

    def __init__(self, linear: nn.Conv1d, *, affine: bool) -> None:
        super().__init__()
        self.linear = linear
        self.nonlinear = _norm(linear.out_channels, affine=affine)

    def forward(self, frames: Tensor) -> Tensor:
        out: Tensor = self.nonlinear(self.linear(frames))
        return out


class Embedding(nn.Module):
    """(batch, frames, 80) → (batch, 192). Filter banks as `filter_banks` makes them."""

    def __init__(self) -> None:
        super().__init__()
        self.head = Head()
        self.xvector = nn.ModuleDict({"tdnn": Ends(nn.Conv1d(320, 128, 5, 2, padding=2, bias=False), affine=True)})
        width = 128
        for number, (layers, dilation) in enumerate(_BLOCKS, 1):
            block = nn.ModuleDict(
                {f"tdnnd{index + 1}": DenseLayer(width + index * _GROWTH, dilation) for index in range(layers)}
            )
            width += layers * _GROWTH
            self.xvector.update({f"block{number}": block, f"transit{number}": Transition(width)})
            width //= 2
        self.xvector["out_nonlinear"] = _norm(width)
        self.xvector["dense"] = Ends(nn.Conv1d(2 * width, SIZE, 1, bias=False), affine=False)

    def forward(self, bands: Tensor) -> Tensor:
        parts = self.xvector
        out = functional.relu(parts["tdnn"](self.head(bands.transpose(1, 2))))
        for number in range(1, len(_BLOCKS) + 1):
            for layer in parts[f"block{number}"].children():
                out = layer(out)
            out = parts[f"transit{number}"](out)
        out = functional.relu(parts["out_nonlinear"](out))
        pooled = torch.cat([out.mean(-1), out.std(-1, unbiased=True)], dim=-1)
        embedded: Tensor = parts["dense"](pooled.unsqueeze(-1)).squeeze(-1)
        return embedded
