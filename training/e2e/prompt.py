"""What the text model is asked, and what it is to write: tokens, with places kept free for the audio.

Legend: B examples, T places of a prompt, L tokens of a summary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from training.networks.text_net import IGNORED, padded
from workers.summarize.writing.model import TextModel


@dataclass(frozen=True, slots=True)
class Prompt:
    """Tokens before and behind the audio."""

    before: list[int]
    after: list[int]

    def __len__(self) -> int:
        return len(self.before) + len(self.after)


def prompt(model: TextModel, instruction: str, suffix: str) -> Prompt:
    """*instruction* and what the tokenizer puts around a text; a decoder-only model goes on behind *suffix*."""
    tokenizer = model.tokenizer
    whole: list[int] = tokenizer(instruction).input_ids
    bare: list[int] = tokenizer(instruction, add_special_tokens=False).input_ids
    first = next((at for at in range(len(whole)) if whole[at : at + len(bare)] == bare), 0)
    end = first + len(bare)
    if model.continues:
        return Prompt(whole[:end], tokenizer(suffix, add_special_tokens=False).input_ids)
    return Prompt(whole[:end], whole[end:])


def written(model: TextModel, text: str) -> list[int]:
    """The tokens of *text* as the model writes them, the end included."""
    if model.continues:
        return [*model.tokenizer(f" {text}", add_special_tokens=False).input_ids, model.tokenizer.eos_token_id]
    answer: list[int] = model.tokenizer(text_target=text).input_ids
    return answer


def spelt(model: TextModel, text: str) -> list[int]:
    """The tokens of *text* alone, as they stand in the middle of a prompt."""
    tokens: list[int] = model.tokenizer(f" {' '.join(text.split())}", add_special_tokens=False).input_ids
    return tokens


def asked(model: TextModel, frame: Prompt, embeddings: Sequence[int]) -> dict[str, torch.Tensor]:
    """Prompts (B, T) for so many *embeddings* of audio each: `tokens`, `places` of the audio, `attention_mask`."""
    return _tensors(model, [_row(frame, count, []) for count in embeddings])


def taught(
    model: TextModel, frame: Prompt, embeddings: Sequence[int], answers: Sequence[list[int]]
) -> dict[str, torch.Tensor]:
    """As `asked`, with `labels` (B, L) of *answers*; for a decoder-only model the answers are in the prompts too, which
    end together so that the vocabulary is multiplied there only, and there are `position_ids`."""
    labels, _ = padded(list(answers), IGNORED, left=model.continues)
    if not model.continues:
        return {**asked(model, frame, embeddings), "labels": labels}
    rows = [_row(frame, count, answer[:-1]) for count, answer in zip(embeddings, answers, strict=True)]
    tensors = _tensors(model, rows)
    positions = (tensors["attention_mask"].cumsum(1) - 1).clamp(min=0)
    return {**tensors, "position_ids": positions, "labels": labels}


_AUDIO = -1


def _row(frame: Prompt, embeddings: int, answer: list[int]) -> list[int]:
    return [*frame.before, *[_AUDIO] * embeddings, *frame.after, *answer]


def _tensors(model: TextModel, rows: list[list[int]]) -> dict[str, torch.Tensor]:
    fill = int(model.tokenizer.pad_token_id or 0)
    tokens, mask = padded(rows, fill, left=model.continues)
    places = tokens == _AUDIO
    return {"tokens": tokens.masked_fill(places, fill), "places": places, "attention_mask": mask}
