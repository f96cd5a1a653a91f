"""Writes the minutes while a meeting runs: a bounded merge over notes, like a log-structured merge tree.

Notes have levels. When a level holds more than KEPT notes, its oldest GROUP notes become one note of the next level,
cut to a fixed size. The top level merges into itself. An update therefore reads at most KEPT notes per level, however
long the meeting is.
"""

from __future__ import annotations

from collections.abc import Sequence

from schema.core.words import count_words
from schema.meetings.minutes import Action, Chapter, Minutes, Sentence
from workers.summarize.text.salience import pick
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.windows import LIMIT_WORDS
from workers.summarize.writing.merge import merge_actions, merge_decisions, merge_sentences, still_true
from workers.summarize.writing.notes import NoteBody, note_of

KEPT = 4
GROUP = 3
TOP_LEVEL = 2
MERGED_SENTENCES = 6
MERGED_DECISIONS = 12
MERGED_ACTIONS = 16
OVERVIEW_SENTENCES = 6


def merge_due(notes: Sequence[NoteBody]) -> tuple[NoteBody, ...] | None:
    """The oldest GROUP notes of the lowest level that is too full, or None. *notes* are the unmerged ones."""
    for level in range(TOP_LEVEL + 1):
        here = sorted((note for note in notes if note.level == level), key=lambda note: note.first_sample)
        if len(here) > KEPT:
            return tuple(here[:GROUP])
    return None


def merge(group: Sequence[NoteBody], language: str) -> NoteBody:
    """Merge the neighbouring notes *group* into one note of bounded size, with their evidence.

    Only the latest decisions and actions stay. The final minutes take all of them from the original notes.
    """
    ordered = sorted(group, key=lambda note: note.first_sample)
    decisions, sentences = joined(ordered, language)
    return NoteBody(
        first_sample=ordered[0].first_sample,
        end_sample=max(note.end_sample for note in ordered),
        title=_joint_title(ordered),
        sentences=best(sentences, MERGED_SENTENCES, language),
        decisions=decisions[-MERGED_DECISIONS:],
        actions=joined_actions(ordered, language)[-MERGED_ACTIONS:],
        level=min(max(note.level for note in ordered) + 1, TOP_LEVEL),
    )


def _joint_title(notes: Sequence[NoteBody]) -> str:
    """Join the first and the last title. A title that is joined already contributes only its outer part."""
    first, last = notes[0].title.split(" … ")[0], notes[-1].title.split(" … ")[-1]
    return first if first == last else f"{first} … {last}"


def best(sentences: Sequence[Sentence], count: int, language: str) -> tuple[Sentence, ...]:
    """All of *sentences* if they are at most *count*, else the most central ones, in their order.

    Unsupported sentences are chosen only if no sentence is supported.
    """
    if len(sentences) <= count:
        return tuple(sentences)
    pool = [sentence for sentence in sentences if sentence.supported] or list(sentences)
    return tuple(pool[at] for at in pick([sentence.text for sentence in pool], count, language))


def rolling_minutes(notes: Sequence[NoteBody], tail: Sequence[SpokenSegment] = (), *, language: str) -> Minutes:
    """The minutes so far, from the unmerged *notes* and the last segments of *tail*, which has no notes yet.

    The tail's note quotes what was said: no model runs here.
    """
    ordered = sorted(notes, key=lambda note: note.first_sample)
    recent = _recent(tail)
    if recent:
        ordered.append(note_of(recent, None, ordered, language=language))
    decisions, sentences = joined(ordered, language)
    return Minutes(
        overview=best(sentences, OVERVIEW_SENTENCES, language),
        chapters=tuple(chapter(note) for note in ordered),
        decisions=decisions,
        actions=joined_actions(ordered, language),
    )


def joined(notes: Sequence[NoteBody], language: str) -> tuple[tuple[Sentence, ...], tuple[Sentence, ...]]:
    """Decisions and sentences of *notes* without repeats. Sentences that a later decision overruled are left out."""
    decisions = merge_decisions((decision for note in notes for decision in note.decisions), language)
    sentences = merge_sentences((sentence for note in notes for sentence in note.sentences), language)
    return decisions, still_true(sentences, decisions, language)


def joined_actions(notes: Sequence[NoteBody], language: str) -> tuple[Action, ...]:
    return merge_actions((action for note in notes for action in note.actions), language)


def chapter(note: NoteBody) -> Chapter:
    return Chapter(note.title, note.first_sample, note.end_sample, note.sentences)


def _recent(tail: Sequence[SpokenSegment]) -> list[SpokenSegment]:
    """The last segments of *tail* that fit into one window, at least one."""
    taken: list[SpokenSegment] = []
    total = 0
    for segment in reversed(tail):
        total += count_words(segment.text)
        if taken and total > LIMIT_WORDS:
            break
        taken.insert(0, segment)
    return taken
