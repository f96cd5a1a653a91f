"""The model in a context as long as the audio, and how far it is from its teacher.

Legend: B clips, T tokens, S encoder positions, D model width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn.functional import log_softmax
from torch.nn.utils.rnn import pad_sequence

from training.data.audio import Samples
from training.distillation.teacher import Target
from training.networks.whisper_net import decode, encode
from workers.asr.context import Context, audible_positions, short_context
from workers.asr.features import log_mel
from workers.asr.model import Whisper


def collated(
    whisper: Whisper, clips: Sequence[Samples], targets: Sequence[Target], end_weight: float
) -> dict[str, torch.Tensor]:
    """Input and targets of the student in rectangles, on the CPU; see `distances` for what is what.

    The end of a text counts *end_weight* times what another token of it counts.
    """
    config = whisper.net.config
    audible = torch.tensor([audible_positions(len(samples)) for samples in clips])
    context = short_context(audible.tolist(), config.max_source_positions, "cpu", whisper.dtype)
    tensors = {
        "mel": log_mel(clips, context.frames, config.num_mel_bins),
        "index": context.index,
        "audible": audible,
        "states": _padded([target.states for target in targets]),
        "tokens": _padded([target.tokens[:-1] for target in targets]),
        "last": _padded([target.last for target in targets]),
        "weights": _padded([_weights(target, end_weight) for target in targets]),
    }
    return tensors if context.bias is None else {**tensors, "bias": context.bias}


def _padded(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    return pad_sequence(list(rows), batch_first=True)


def _weights(target: Target, end_weight: float) -> torch.Tensor:
    """(T,) what each foretold token counts, 1 in all; the marks that begin every text count nothing."""
    weights = torch.ones(len(target.last))
    weights[-1] = end_weight
    weights[: target.first - 1] = 0.0
    return weights / weights.sum()


def distances(
    net: Any, batch: Mapping[str, torch.Tensor], recompute: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """How far *net* with its adapter is from the teacher: two tensors (B,).

    The first is the squared error of the encoder's states under the audio, as a share of the variance of the teacher's;
    the second the Kullback-Leibler divergence of the foretold tokens from the teacher's, in nats a token.

    *batch* has `mel` (B, n_mels, frames), `index` (B, S) and `bias` (B, 1, 1, S), which may be missing, of the short
    context, the positions `audible` (B,) under the audio, the teacher's `states` (B, S', D) and `last` (B, T, D), the
    forced `tokens` (B, T) and the `weights` (B, T) of what is foretold at each. With *recompute* layers run again in
    the backward pass.
    """
    context = Context(batch["index"], batch.get("bias"), batch["mel"].shape[-1])
    states = encode(net, batch["mel"], context, recompute)
    last = decode(net, batch["tokens"], states, context.bias, recompute)
    return _states_error(states, batch), _divergence(net, last, batch)


def _states_error(states: torch.Tensor, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    wanted = batch["states"].float()
    places = torch.arange(wanted.shape[1], device=wanted.device)
    heard = (places < batch["audible"][:, None])[..., None].float()
    values = batch["audible"] * wanted.shape[-1]
    mean = (wanted * heard).sum((1, 2)) / values
    variance = ((wanted - mean[:, None, None]).square() * heard).sum((1, 2)) / values
    error = ((states[:, : wanted.shape[1]].float() - wanted).square() * heard).sum((1, 2)) / values
    return error / variance


def _divergence(net: Any, last: torch.Tensor, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    weights = batch["weights"]
    counted = weights > 0  # the vocabulary is large: places that count nothing are left out
    foretold = log_softmax(net.proj_out(last[counted]).float(), -1)
    with torch.no_grad():
        wanted = log_softmax(net.proj_out(batch["last"][counted].to(last.dtype)).float(), -1)
    divergence = (wanted.exp() * (wanted - foretold)).sum(-1)
    rows = counted.nonzero()[:, 0]
    return weights.new_zeros(len(weights)).index_add(0, rows, divergence * weights[counted])
