"""Writes the final minutes of a meeting, from its segments or from the notes of its windows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from schema.meetings.minutes import Minutes
from workers.summarize.rolling import OVERVIEW_SENTENCES, best, chapter, joined, joined_actions, merge
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.windows import windows_of
from workers.summarize.writing.generator import Generator
from workers.summarize.writing.notes import NoteBody, note_of

CHAPTERS_LIMIT = 12


def minutes_of(segments: Sequence[SpokenSegment], model: Generator | None, *, language: str) -> Minutes:
    """The final minutes as a worker writes them. Without a model they quote what was said."""
    return final_minutes(notes_of(segments, model, language=language), language)


def notes_of(segments: Sequence[SpokenSegment], model: Generator | None, *, language: str) -> list[NoteBody]:
    """One note for each window."""
    notes: list[NoteBody] = []
    for window in windows_of(segments):
        notes.append(note_of(window, model, notes, language=language))
    return notes


def final_minutes(notes: Sequence[NoteBody], language: str) -> Minutes:
    """The minutes from the *notes* of all windows (level 0), with every decision and every action.

    A statement that a recap repeats appears once, with the evidence of both places. Where two notes contradict each
    other, the later one holds.
    """
    ordered = sorted(notes, key=lambda note: note.first_sample)
    decisions, sentences = joined(ordered, language)
    return Minutes(
        overview=best(sentences, OVERVIEW_SENTENCES, language),
        chapters=tuple(chapter(note) for note in _chapters(ordered, language)),
        decisions=decisions,
        actions=joined_actions(ordered, language),
    )


def _chapters(notes: Sequence[NoteBody], language: str) -> list[NoteBody]:
    """Merge *notes* into at most CHAPTERS_LIMIT chapters of about equally many notes."""
    if len(notes) <= CHAPTERS_LIMIT:
        return list(notes)
    cuts = [len(notes) * at // CHAPTERS_LIMIT for at in range(CHAPTERS_LIMIT + 1)]
    return [merge(notes[first:end], language) for first, end in pairwise(cuts)]
