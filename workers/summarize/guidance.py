"""Typed notes guide what a note keeps: what people type while somebody speaks is what matters to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from schema.minutes.ledger import ItemKind
from schema.typed_notes.notes import NEAR_SAMPLES
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment, statements
from workers.summarize.text.stems import content_stems
from workers.summarize.writing.writer import Draft

LEAST_SHARE = 0.5
"""The share of a typed note's words that a sentence must have to be about the same matter."""


@dataclass(frozen=True, slots=True)
class TypedLine:
    """A typed note, as the summariser reads it."""

    at_sample: int
    text: str


def typed_near(typed: Iterable[TypedLine], window: Sequence[SpokenSegment]) -> tuple[str, ...]:
    """The texts of *typed* that are about *window*, which must not be empty."""
    first = min(each.first_sample for each in window) - NEAR_SAMPLES
    end = max(each.end_sample for each in window) + NEAR_SAMPLES
    return tuple(line.text for line in typed if first <= line.at_sample <= end)


def guided(
    drafts: Sequence[Draft], typed: Iterable[str], window: Sequence[SpokenSegment], language: str
) -> Iterator[Draft]:
    """*drafts*, and for each typed note that none of them covers, the sentence of *window* that says most of it."""
    yield from drafts
    kept = [_terms(draft.text, language) for draft in drafts]
    said = {each: _terms(each.text, language) for each in statements(window)}
    for wanted in (_terms(text, language) for text in typed):
        shares = {each: _share(wanted, terms) for each, terms in said.items()}
        covered = max((_share(wanted, terms) for terms in kept), default=0.0)
        best = max(shares, key=lambda each: shares[each], default=None)
        if best is not None and shares[best] >= LEAST_SHARE and shares[best] > covered:
            kept.append(said[best])
            yield Draft(ItemKind.POINT, best.text, evidence=best.segments)


def _terms(text: str, language: str) -> frozenset[str]:
    return frozenset(content_stems(text, language)) | numbers(text, language)


def _share(wanted: frozenset[str], terms: frozenset[str]) -> float:
    return len(wanted & terms) / len(wanted) if wanted else 0.0
