"""The minutes of a meeting that has ended, from the notes of its windows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from schema.meetings.minutes import Minutes
from workers.summarize.rolling import OVERVIEW_SENTENCES, best, chapter, merge
from workers.summarize.writing.merge import merge_actions, merge_decisions, merge_sentences, still_true
from workers.summarize.writing.notes import NoteBody

CHAPTERS_LIMIT = 12


def final_minutes(notes: Sequence[NoteBody]) -> Minutes:
    """The minutes from the *notes* of all windows (level 0): nothing decided or assigned is left out.

    What a recap repeats is said once with the evidence of both; what was said later holds where two contradict.
    """
    ordered = sorted(notes, key=lambda note: note.first_sample)
    decisions = merge_decisions(decision for note in ordered for decision in note.decisions)
    sentences = still_true(merge_sentences(s for note in ordered for s in note.sentences), decisions)
    return Minutes(
        overview=best(sentences, OVERVIEW_SENTENCES),
        chapters=tuple(chapter(note) for note in _chapters(ordered)),
        decisions=decisions,
        actions=merge_actions(action for note in ordered for action in note.actions),
    )


def _chapters(notes: Sequence[NoteBody]) -> list[NoteBody]:
    """At most CHAPTERS_LIMIT stretches of about equally many notes."""
    if len(notes) <= CHAPTERS_LIMIT:
        return list(notes)
    cuts = [len(notes) * at // CHAPTERS_LIMIT for at in range(CHAPTERS_LIMIT + 1)]
    return [merge(notes[first:end]) for first, end in pairwise(cuts)]
