"""Word error rates with the text normalisation of Whisper's authors."""

from __future__ import annotations

from collections.abc import Callable

import jiwer
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer


def error_rate(reference: str, text: str) -> float:
    normalise: Callable[[str], str] = EnglishTextNormalizer({})  # type: ignore[no-untyped-call]
    return float(jiwer.wer(normalise(reference), normalise(text)))
