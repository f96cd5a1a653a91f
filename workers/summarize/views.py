"""The minutes as views of the ledger: rolling ones while a meeting runs, final ones at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from schema.core.words import count_words
from schema.minutes.ledger import ChangeKind, Item, ItemKind, ItemState, ledger
from schema.minutes.minutes import Action, Chapter, Earlier, Minutes, Sentence, Withdrawn
from schema.minutes.note import NoteBody
from workers.summarize.notes import in_order, note_of
from workers.summarize.reconcile import still_true
from workers.summarize.text.salience import pick
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.windows import LIMIT_WORDS
from workers.summarize.writing.rules import RulesWriter

CHAPTERS_LIMIT = 12
JOINED_SENTENCES = 6
OVERVIEW_SENTENCES = 6


def rolling_minutes(notes: Sequence[NoteBody], tail: Sequence[SpokenSegment] = (), *, language: str) -> Minutes:
    """The minutes so far, from *notes* and the last segments of *tail*, which has no note yet.

    No model runs here: the tail's note is written by rules.
    """
    recent = _recent(tail)
    last = [note_of(recent, RulesWriter(), notes, language=language)] if recent else []
    return minutes_of_notes([*notes, *last], language)


def minutes_of_notes(notes: Iterable[NoteBody], language: str) -> Minutes:
    """What stands after all *notes*: every decision, action and open question, and the points by chapters."""
    # A window that is off the record from end to end has a note without a title and without changes.
    ordered = [note for note in in_order(notes) if note.title or note.changes]
    items = ledger(change for note in ordered for change in note.changes)
    standing = [item for item in items.values() if item.state is ItemState.OPEN]
    decisions = tuple(sentence_of(item) for item in standing if item.kind is ItemKind.DECISION)
    chapters = tuple(_chapter(group, items, decisions, language) for group in _groups(ordered))
    return Minutes(
        overview=best([each for chapter in chapters for each in chapter.sentences], OVERVIEW_SENTENCES, language),
        chapters=chapters,
        decisions=decisions,
        actions=tuple(_action(item) for item in items.values() if _is_shown_task(item)),
        questions=tuple(sentence_of(item) for item in standing if item.kind is ItemKind.QUESTION),
        withdrawn=tuple(_withdrawn(item) for item in items.values() if item.state is ItemState.WITHDRAWN),
    )


def supported_only(minutes: Minutes) -> Minutes:
    """*minutes* without the sentences that their evidence does not carry."""
    return replace(
        minutes,
        overview=_supported(minutes.overview),
        chapters=tuple(replace(each, sentences=_supported(each.sentences)) for each in minutes.chapters),
        sections=tuple(replace(each, sentences=_supported(each.sentences)) for each in minutes.sections),
        decisions=_supported(minutes.decisions),
        actions=tuple(action for action in minutes.actions if action.supported),
        questions=_supported(minutes.questions),
    )


def _supported(sentences: Iterable[Sentence]) -> tuple[Sentence, ...]:
    return tuple(sentence for sentence in sentences if sentence.supported)


def _is_shown_task(item: Item) -> bool:
    return item.kind is ItemKind.ACTION and item.state is not ItemState.WITHDRAWN


def _groups(ordered: Sequence[NoteBody]) -> list[Sequence[NoteBody]]:
    """The notes of each chapter, equally many: one, or as many as give at most CHAPTERS_LIMIT chapters.

    A new note changes the last chapter only, except where all chapters must grow.
    """
    size = -(-len(ordered) // CHAPTERS_LIMIT)
    return [ordered[first : first + size] for first in range(0, len(ordered), size or 1)]


def _chapter(
    notes: Sequence[NoteBody], items: Mapping[str, Item], decisions: Sequence[Sentence], language: str
) -> Chapter:
    added = [change.item for note in notes for change in note.changes if change.change is ChangeKind.ADD]
    points = [items[key] for key in dict.fromkeys(added) if key in items]
    sentences = [sentence_of(item) for item in points if _is_shown_point(item)]
    told = still_true(sentences, decisions, language)
    return Chapter(
        title=_title(notes),
        first_sample=notes[0].first_sample,
        end_sample=max(note.end_sample for note in notes),
        sentences=told if len(notes) == 1 else best(told, JOINED_SENTENCES, language),
    )


def _is_shown_point(item: Item) -> bool:
    return item.kind is ItemKind.POINT and item.state is ItemState.OPEN


def _title(notes: Sequence[NoteBody]) -> str:
    """The first and the last title of a chapter's notes."""
    titles = [note.title for note in notes if note.title]
    return " … ".join(title for title, _ in groupby([*titles[:1], *titles[-1:]]))


def best(sentences: Sequence[Sentence], count: int, language: str) -> tuple[Sentence, ...]:
    """All of *sentences* if they are at most *count*, else the most central ones, in their order.

    Unsupported sentences are chosen only if no sentence is supported.
    """
    if len(sentences) <= count:
        return tuple(sentences)
    pool = [sentence for sentence in sentences if sentence.supported] or list(sentences)
    return tuple(pool[at] for at in pick([sentence.text for sentence in pool], count, language))


def sentence_of(item: Item) -> Sentence:
    """*item* as a sentence of the minutes."""
    return Sentence(item.text, item.evidence, item.support, item.supported, id=item.id, earlier=_earlier(item))


def _action(item: Item) -> Action:
    return Action(
        item.text,
        item.owner,
        item.due,
        item.evidence,
        item.support,
        item.supported,
        id=item.id,
        earlier=_earlier(item),
        done=item.state is ItemState.DONE,
    )


def _earlier(item: Item) -> tuple[Earlier, ...]:
    """What the item said before its last revision."""
    said = [change for change in item.history if change.change in (ChangeKind.ADD, ChangeKind.REVISE)]
    return tuple(Earlier(change.text, change.owner, change.due, change.evidence) for change in said[:-1])


def _withdrawn(item: Item) -> Withdrawn:
    said = tuple(key for change in item.history[:-1] for key in change.evidence)
    return Withdrawn(item.kind, item.text, item.owner, said, item.history[-1].evidence, item.id)


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
