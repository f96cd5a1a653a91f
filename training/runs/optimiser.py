"""AdamW over the trainable weights, and a learning rate that depends only on the step, so it needs no saved state."""

from __future__ import annotations

import math
from typing import Any

import torch

from training.runs.config import RunConfig


def build_optimiser(net: Any, config: RunConfig, device: str) -> torch.optim.AdamW:
    """A fused AdamW. Vectors such as biases and norms have no weight decay."""
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    fused = device.startswith(("cuda", "cpu"))
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=config.learning_rate, fused=fused)


def learning_rate(config: RunConfig, step: int, total_steps: int) -> float:
    """The learning rate of optimiser step number *step*, counted from 0."""
    warmup = math.ceil(config.warmup * total_steps)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    left = (total_steps - step) / max(1, total_steps - warmup)
    share = {"constant": 1.0, "linear": left, "cosine": 0.5 - 0.5 * math.cos(math.pi * left)}[config.schedule]
    return config.learning_rate * share
