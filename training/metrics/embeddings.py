"""BERTScore (T. Zhang et al., ICLR 2020): how close in meaning each word of one text is to some word of the other.

This is our own short implementation, because the authors' package is no longer maintained. Without its idf weights and
baseline the figures are the same. The layer is the one that the authors found best for a model, otherwise the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import normalize

from schema.core.errors import BrokenModel

LAYERS = {
    "bert-base-uncased": 9,
    "bert-large-uncased": 18,
    "bert-base-multilingual-cased": 9,
    "roberta-base": 10,
    "roberta-large": 17,
    "distilbert-base-uncased": 5,
    "xlm-roberta-base": 9,
    "xlm-roberta-large": 17,
    "microsoft/deberta-xlarge-mnli": 40,
}
"""Best hidden layer by model, from the authors' table."""


@dataclass(frozen=True, slots=True)
class Closeness:
    precision: float
    recall: float
    f1: float


class BertScore:
    """A text encoder by hub name or folder. Raises BrokenModel if it cannot be loaded."""

    def __init__(self, reference: str, layer: int | None = None, device: str = "cpu") -> None:
        from transformers import AutoModel, AutoTokenizer

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(reference, trust_remote_code=False)
            net = AutoModel.from_pretrained(reference, trust_remote_code=False)
            self._net: Any = net.to(device).eval()
        except (OSError, ValueError) as error:
            raise BrokenModel(
                f"{reference} cannot be loaded as a text encoder: {error}. Name another, or leave BERTScore out."
            ) from error
        self._layer = LAYERS.get(reference, -1) if layer is None else layer
        self._device = device

    @torch.inference_mode()
    def score(self, references: Sequence[str], summaries: Sequence[str]) -> list[Closeness]:
        """One score per pair. Text beyond the encoder's token limit is cut off, as in the authors' package."""
        return [self._closeness(*pair) for pair in zip(references, summaries, strict=True)]

    def _closeness(self, reference: str, summary: str) -> Closeness:
        wanted, weighs_wanted = self._vectors(reference)
        got, weighs_got = self._vectors(summary)
        likeness = got @ wanted.T
        precision = _mean(likeness.amax(dim=1), weighs_got)
        recall = _mean(likeness.amax(dim=0), weighs_wanted)
        total = precision + recall
        return Closeness(precision, recall, 2 * precision * recall / total if total > 0 else 0.0)

    def _vectors(self, text: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Unit vectors (tokens, width) and weights (tokens,). Special tokens may be matched but have weight 0."""
        limit = min(self._tokenizer.model_max_length, 512)
        read = self._tokenizer(
            text, return_tensors="pt", truncation=True, max_length=limit, return_special_tokens_mask=True
        )
        words = 1.0 - read.pop("special_tokens_mask")[0].float()
        states = self._net(**read.to(self._device), output_hidden_states=True).hidden_states[self._layer][0]
        return normalize(states.float(), dim=-1), words.to(states.device)


def _mean(values: torch.Tensor, weights: torch.Tensor) -> float:
    total = float(weights.sum())
    return float((values * weights).sum()) / total if total else 0.0
