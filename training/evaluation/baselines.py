"""Baselines for a summariser: the beginning of every window, the longest turn in it, and one summary for everything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from schema.core.language import language_of
from schema.core.words import count_words
from training.data.dataset import Example
from training.data.transcript_lines import transcript_segments
from training.evaluation.systems import SystemAnswer
from training.metrics.summaries import rouge
from workers.summarize.text.disfluency import fluent
from workers.summarize.text.segment import SpokenSegment, Statement, statements
from workers.summarize.text.stems import content_stems
from workers.summarize.windows import windows_of

LEAD_SENTENCES = 3
Choice = Callable[[Sequence[SpokenSegment], str], list[tuple[str, tuple[int, ...]]]]
"""Selects texts from a window in a language, each with the ids of its segments."""


def lead(window: Sequence[SpokenSegment], language: str) -> list[tuple[str, tuple[int, ...]]]:
    """The first sentences with content."""
    with_content = (each for each in statements(window) if content_stems(fluent(each.text), language))
    return [_excerpt([each]) for _, each in zip(range(LEAD_SENTENCES), with_content, strict=False)]


def longest(window: Sequence[SpokenSegment], _language: str) -> list[tuple[str, tuple[int, ...]]]:
    """The longest turn."""
    turns: list[list[Statement]] = []
    for each in statements(window):
        if turns and turns[-1][-1].speaker == each.speaker is not None:
            turns[-1].append(each)
        else:
            turns.append([each])
    return [_excerpt(max(turns, key=lambda turn: sum(count_words(each.text) for each in turn)))]


CHOICES: dict[str, Choice] = {"lead": lead, "longest-utterance": longest}


class Baseline:
    """An `EvaluatedSystem` without a model."""

    memory_bytes = 0

    def __init__(self, name: str, choice: Choice) -> None:
        self.name = name
        self._choice = choice

    def answer(self, examples: Sequence[Example]) -> list[SystemAnswer]:
        return [self._answer(example) for example in examples]

    def _answer(self, example: Example) -> SystemAnswer:
        started = time.perf_counter()
        segments = transcript_segments(example.text or "")
        language = language_of(example.language, (segment.text for segment in segments))
        taken = [chosen for window in windows_of(segments) for chosen in self._choice(window, language)]
        evidence = tuple(sorted({key for _, keys in taken for key in keys}))
        summary = " ".join(text for text, _ in taken)
        return SystemAnswer(summary=summary, evidence=evidence, seconds=time.perf_counter() - started)


class Constant:
    """An `EvaluatedSystem` that gives the same summary for every example."""

    memory_bytes = 0

    def __init__(self, name: str, summary: str) -> None:
        self.name = name
        self._summary = summary

    def answer(self, examples: Sequence[Example]) -> list[SystemAnswer]:
        return [SystemAnswer(summary=self._summary) for _ in examples]


def most_typical(summaries: Sequence[str]) -> str:
    """The summary with the highest total ROUGE-1 against all others, or the first of several. Takes quadratic time."""

    def likeness(index: int) -> float:
        return sum(rouge(each, summaries[index]).r1 for other, each in enumerate(summaries) if other != index)

    return summaries[max(range(len(summaries)), key=likeness)]


def _excerpt(spoken: Iterable[Statement]) -> tuple[str, tuple[int, ...]]:
    chosen = list(spoken)
    ids = dict.fromkeys(key for each in chosen for key in each.segments)
    return " ".join(fluent(each.text) for each in chosen), tuple(ids)
