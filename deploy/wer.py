"""Word error rate with Whisper's English normaliser, as published figures are counted."""

from __future__ import annotations

from collections.abc import Sequence


def word_error_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """Errors per reference word over all (reference, hypothesis) pairs; 0.05 is 5 %.

    The normaliser's table of British spellings is not part of `transformers`, so *colour* for *color* is an error.
    """
    normalised = [(normalise(reference).split(), normalise(text).split()) for reference, text in pairs]
    errors = sum(edit_distance(reference, text) for reference, text in normalised)
    return errors / max(sum(len(reference) for reference, _ in normalised), 1)


def normalise(text: str) -> str:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    return str(EnglishTextNormalizer({})(text))  # type: ignore[no-untyped-call]


def edit_distance(reference: Sequence[str], text: Sequence[str]) -> int:
    """The fewest words to insert, delete or replace (Levenshtein)."""
    row = list(range(len(text) + 1))
    for wanted_at, wanted in enumerate(reference, 1):
        diagonal, row[0] = row[0], wanted_at
        for at, got in enumerate(text, 1):
            diagonal, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, diagonal + (wanted != got))
    return row[-1]
