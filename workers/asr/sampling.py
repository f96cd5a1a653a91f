"""The next token of each row."""

from __future__ import annotations

import torch


def pick(
    logits: torch.Tensor, temperatures: torch.Tensor | None, sampler: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """The next token of each row and its log-probability; the likeliest, or drawn where the temperature is above 0."""
    chosen = logits
    if temperatures is not None:
        uniform = torch.rand(logits.shape, generator=sampler, device=logits.device).clamp_(min=1e-20)
        chosen = logits - temperatures * (-uniform.log()).log()  # Gumbel's trick: the maximum is a sample
    tokens = _largest(chosen)
    return tokens, logits.log_softmax(-1).gather(-1, tokens[:, None])[:, 0]


def _largest(logits: torch.Tensor) -> torch.Tensor:
    """The place of the largest of each row; on a CPU by NumPy, which compares many numbers at a time."""
    return torch.from_numpy(logits.numpy().argmax(-1)) if logits.device.type == "cpu" else logits.argmax(-1)
