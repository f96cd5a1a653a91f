"""The text model's prompt and its answer as tokens, with positions reserved for the audio.

Legend: B examples, T positions of a prompt, L tokens of a summary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from training.runs.task import IGNORED, pad_rows
from workers.summarize.writing.model import TextModel


@dataclass(frozen=True, slots=True)
class Prompt:
    """Tokens before and after the audio."""

    before: list[int]
    after: list[int]

    def __len__(self) -> int:
        return len(self.before) + len(self.after)


def build_prompt(model: TextModel, instruction: str, suffix: str) -> Prompt:
    """*instruction* with what the tokenizer puts around a text. A decoder-only model continues after *suffix*."""
    tokenizer = model.tokenizer
    whole: list[int] = tokenizer(instruction).input_ids
    bare: list[int] = tokenizer(instruction, add_special_tokens=False).input_ids
    first = next((at for at in range(len(whole)) if whole[at : at + len(bare)] == bare), 0)
    end = first + len(bare)
    if model.continues:
        return Prompt(whole[:end], tokenizer(suffix, add_special_tokens=False).input_ids)
    return Prompt(whole[:end], whole[end:])


def answer_tokens(model: TextModel, text: str) -> list[int]:
    """The tokens of *text* as the model writes them, including the end token."""
    if model.continues:
        return [*model.tokenizer(f" {text}", add_special_tokens=False).input_ids, model.tokenizer.eos_token_id]
    answer: list[int] = model.tokenizer(text_target=text).input_ids
    return answer


def text_tokens(model: TextModel, text: str) -> list[int]:
    """The tokens of *text* alone, as they appear in the middle of a prompt."""
    tokens: list[int] = model.tokenizer(f" {' '.join(text.split())}", add_special_tokens=False).input_ids
    return tokens


def prompt_batch(model: TextModel, frame: Prompt, embeddings: Sequence[int]) -> dict[str, torch.Tensor]:
    """Prompts (B, T) with a number of *embeddings* of audio each: `tokens`, `audio_positions`, `attention_mask`."""
    return _tensors(model, [_row(frame, count, []) for count in embeddings])


def training_batch(
    model: TextModel, frame: Prompt, embeddings: Sequence[int], answers: Sequence[list[int]]
) -> dict[str, torch.Tensor]:
    """Like `prompt_batch`, with `labels` (B, L) of *answers*. For a decoder-only model the answers are part of the
    prompts, which are padded on the left: they end together, so the output layer is computed for the answers only. It
    also needs `position_ids`.
    """
    labels, _ = pad_rows(list(answers), IGNORED, left=model.continues)
    if not model.continues:
        return {**prompt_batch(model, frame, embeddings), "labels": labels}
    rows = [_row(frame, count, answer[:-1]) for count, answer in zip(embeddings, answers, strict=True)]
    tensors = _tensors(model, rows)
    positions = (tensors["attention_mask"].cumsum(1) - 1).clamp(min=0)
    return {**tensors, "position_ids": positions, "labels": labels}


_AUDIO = -1


def _row(frame: Prompt, embeddings: int, answer: list[int]) -> list[int]:
    return [*frame.before, *[_AUDIO] * embeddings, *frame.after, *answer]


def _tensors(model: TextModel, rows: list[list[int]]) -> dict[str, torch.Tensor]:
    fill = int(model.tokenizer.pad_token_id or 0)
    tokens, mask = pad_rows(rows, fill, left=model.continues)
    audio_positions = tokens == _AUDIO
    return {
        "tokens": tokens.masked_fill(audio_positions, fill),
        "audio_positions": audio_positions,
        "attention_mask": mask,
    }
