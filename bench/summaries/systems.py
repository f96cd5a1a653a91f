"""The compared writers of minutes: the serving code with or without a model, and two baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import chain
from typing import Protocol

from deploy.fresh import MODELS
from schema.core.words import count_words
from schema.minutes.minutes import Minutes, Sentence
from training.evaluation.baselines import Choice, lead, longest
from workers.summarize.checking.evidence import Evidence
from workers.summarize.final import minutes_of
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.windows import windows_of
from workers.summarize.writing.generator import Generator
from workers.summarize.writing.trained import writer_of


class MinutesWriter(Protocol):
    def __call__(self, turns: Sequence[SpokenSegment], *, language: str) -> Minutes:
        """The minutes of a meeting's *turns*."""


Maker = Callable[[], MinutesWriter]


def served(load: Callable[[], Generator | None]) -> Maker:
    """The worker's code with the model that *load* returns. The model is loaded when the first minutes are written."""
    model = cache(load)
    return lambda: partial(_served, model())


def _served(model: Generator | None, turns: Sequence[SpokenSegment], *, language: str) -> Minutes:
    return minutes_of(turns, writer_of(model, language, MODELS), language=language)


def first_sentences(turns: Sequence[SpokenSegment], *, language: str) -> Minutes:
    """The first sentences of every window that say anything, in the order of the meeting."""
    return Minutes(tuple(chain.from_iterable(_checked(window, lead, language) for window in windows_of(turns))))


def longest_turns(turns: Sequence[SpokenSegment], *, language: str) -> Minutes:
    """The longest turn of every window, the longest first."""
    found = chain.from_iterable(_checked(window, longest, language) for window in windows_of(turns))
    return Minutes(tuple(sorted(found, key=lambda sentence: -count_words(sentence.text))))


def _checked(window: Sequence[SpokenSegment], choose: Choice, language: str) -> list[Sentence]:
    evidence = Evidence(window, language)
    return [evidence.check(text, ids) for text, ids in choose(window, language)]


WITHOUT_MODEL: dict[str, Maker] = {
    "words as said": served(lambda: None),
    "lead": lambda: first_sentences,
    "longest turns": lambda: longest_turns,
}
