"""What writes the minutes of a meeting: the serving code with a model or without one, and two baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain

from schema.meetings.minutes import Minutes, Sentence
from training.evaluation.baselines import lead, longest
from workers.summarize.checking.evidence import Evidence
from workers.summarize.final import final_minutes
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.words import count_words
from workers.summarize.windows import next_window
from workers.summarize.writing.generator import Generator
from workers.summarize.writing.notes import NoteBody, write_note

Writer = Callable[[Sequence[SpokenSegment]], Minutes]
Maker = Callable[[], Writer]


def served(turns: Sequence[SpokenSegment], model: Generator | None) -> Minutes:
    """The minutes that a worker writes with *model*; without one they are in the words that were said."""
    notes: list[NoteBody] = []
    for window in windows(turns):
        people = {action.owner for note in notes for action in note.actions if action.owner}
        notes.append(write_note(window, model, people=people))
    return final_minutes(notes)


def windows(turns: Sequence[SpokenSegment]) -> list[tuple[SpokenSegment, ...]]:
    """All of *turns*, cut as the worker cuts what was said."""
    found, rest = [], list(turns)
    while window := next_window(rest, final=True):
        found.append(window)
        taken = {segment.id for segment in window}
        rest = [segment for segment in rest if segment.id not in taken]
    return found


def first_sentences(turns: Sequence[SpokenSegment]) -> Minutes:
    """The first sentences of every window that say anything, in the order of the meeting."""
    return Minutes(tuple(chain.from_iterable(_checked(window, lead(window)) for window in windows(turns))))


def longest_turns(turns: Sequence[SpokenSegment]) -> Minutes:
    """The longest turn of every window, the longest first."""
    found = chain.from_iterable(_checked(window, longest(window)) for window in windows(turns))
    return Minutes(tuple(sorted(found, key=lambda sentence: -count_words(sentence.text))))


def _checked(window: Sequence[SpokenSegment], chosen: list[tuple[str, tuple[int, ...]]]) -> list[Sentence]:
    evidence = Evidence(window)
    return [evidence.check(text, ids) for text, ids in chosen]


WITHOUT_MODEL: dict[str, Maker] = {
    "words as said": lambda: partial(served, model=None),
    "lead": lambda: first_sentences,
    "longest turns": lambda: longest_turns,
}
