"""The minutes while a meeting runs: a bounded merge over notes, like a log-structured tree.

Notes stand in levels. When a level holds more than KEPT, its oldest GROUP become one note of the level above, cut to a
fixed size; the top level merges into itself. So however long the meeting, an update reads at most KEPT notes a level.
"""

from __future__ import annotations

from collections.abc import Sequence

from schema.meetings.minutes import Action, Chapter, Minutes, Sentence
from workers.summarize.text.salience import pick
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.words import count_words
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
    """The oldest notes of the lowest level that holds too many of the unmerged *notes*, or None."""
    for level in range(TOP_LEVEL + 1):
        here = sorted((note for note in notes if note.level == level), key=lambda note: note.first_sample)
        if len(here) > KEPT:
            return tuple(here[:GROUP])
    return None


def merge(group: Sequence[NoteBody], language: str) -> NoteBody:
    """One note for the neighbours *group*, of bounded size; evidence carries over.

    Of decisions and actions the latest stay. The notes themselves keep all of them for the final minutes.
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
    """The first and the last title; both, as a merged note has one already, cut to one part each."""
    first, last = notes[0].title.split(" … ")[0], notes[-1].title.split(" … ")[-1]
    return first if first == last else f"{first} … {last}"


def best(sentences: Sequence[Sentence], count: int, language: str) -> tuple[Sentence, ...]:
    """The *count* most central of *sentences*, the supported first, in their order."""
    if len(sentences) <= count:
        return tuple(sentences)
    pool = [sentence for sentence in sentences if sentence.supported] or list(sentences)
    return tuple(pool[at] for at in pick([sentence.text for sentence in pool], count, language))


def rolling_minutes(notes: Sequence[NoteBody], tail: Sequence[SpokenSegment] = (), *, language: str) -> Minutes:
    """The minutes so far from the unmerged *notes* and the segments after them, of which the last window counts.

    The tail is noted in the words that were said: no model runs here.
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
    """Decisions and sentences of *notes*, each once; what a later decision overruled is left out."""
    decisions = merge_decisions((decision for note in notes for decision in note.decisions), language)
    sentences = merge_sentences((sentence for note in notes for sentence in note.sentences), language)
    return decisions, still_true(sentences, decisions, language)


def joined_actions(notes: Sequence[NoteBody], language: str) -> tuple[Action, ...]:
    return merge_actions((action for note in notes for action in note.actions), language)


def chapter(note: NoteBody) -> Chapter:
    return Chapter(note.title, note.first_sample, note.end_sample, note.sentences)


def _recent(tail: Sequence[SpokenSegment]) -> list[SpokenSegment]:
    """The last segments of *tail* up to the length of a window."""
    taken: list[SpokenSegment] = []
    total = 0
    for segment in reversed(tail):
        total += count_words(segment.text)
        if taken and total > LIMIT_WORDS:
            break
        taken.insert(0, segment)
    return taken
