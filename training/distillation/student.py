"""The student: the model with a context as long as the audio, and its distance from the teacher.

Legend: B clips, T tokens, S encoder positions, D model width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn.functional import log_softmax
from torch.nn.utils.rnn import pad_sequence

from training.data.audio import Samples
from training.distillation.teacher import TeacherTarget
from training.networks.whisper_net import decode, encode
from workers.asr.context import Context, audible_positions, short_context
from workers.asr.features import log_mel
from workers.asr.model import Whisper


def collate(
    whisper: Whisper, clips: Sequence[Samples], targets: Sequence[TeacherTarget], end_weight: float
) -> dict[str, torch.Tensor]:
    """The student's input and targets as padded tensors on the CPU. `distillation_losses` describes them.

    The end-of-text token has *end_weight* times the weight of any other text token.
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


def _weights(target: TeacherTarget, end_weight: float) -> torch.Tensor:
    """(T,) weight of each predicted token, 1 in total. The start tokens, which every text shares, have weight 0."""
    weights = torch.ones(len(target.last))
    weights[-1] = end_weight
    weights[: target.first - 1] = 0.0
    return weights / weights.sum()


def distillation_losses(
    net: Any, batch: Mapping[str, torch.Tensor], recompute: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distances of *net* with its adapter from the teacher, as two tensors (B,).

    The first is the squared error of the encoder states under the audio, as a fraction of the variance of the teacher's
    states. The second is the Kullback-Leibler divergence of the predicted tokens from the teacher's, in nats per token.

    *batch* holds `mel` (B, n_mels, frames) and the short context: `index` (B, S) and optionally `bias` (B, 1, 1, S).
    `audible` (B,) counts the positions under the audio. The teacher gives `states` (B, S', D) and `last` (B, T, D).
    `tokens` (B, T) are forced, `weights` (B, T) weigh the predictions at each of them. With *recompute*, layers run
    again in the backward pass.
    """
    context = Context(batch["index"], batch.get("bias"), batch["mel"].shape[-1])
    states = encode(net, batch["mel"], context, recompute)
    last = decode(net, batch["tokens"], states, context.bias, recompute)
    return _states_error(states, batch), _divergence(net, last, batch)


def _states_error(states: torch.Tensor, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    target = batch["states"].float()
    positions = torch.arange(target.shape[1], device=target.device)
    under_audio = (positions < batch["audible"][:, None])[..., None].float()
    values = batch["audible"] * target.shape[-1]
    mean = (target * under_audio).sum((1, 2)) / values
    variance = ((target - mean[:, None, None]).square() * under_audio).sum((1, 2)) / values
    error = ((states[:, : target.shape[1]].float() - target).square() * under_audio).sum((1, 2)) / values
    return error / variance


def _divergence(net: Any, last: torch.Tensor, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    weights = batch["weights"]
    counted = weights > 0  # the vocabulary is large, so skip tokens of weight 0
    predicted = log_softmax(net.proj_out(last[counted]).float(), -1)
    with torch.no_grad():
        target = log_softmax(net.proj_out(batch["last"][counted].to(last.dtype)).float(), -1)
    divergence = (target.exp() * (target - predicted)).sum(-1)
    rows = counted.nonzero()[:, 0]
    return weights.new_zeros(len(weights)).index_add(0, rows, divergence * weights[counted])
