"""Finds what a note really changes: what repeats an open item changes that item, and the later statement holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from schema.minutes.ledger import Change, ChangeKind, Item, ItemKind, ItemState, item_id, ledger
from schema.minutes.minutes import Sentence
from workers.summarize.text.due import days, due_words
from workers.summarize.text.named_things import speak_of_different_things
from workers.summarize.text.numbers import numbers
from workers.summarize.text.salience import overlap
from workers.summarize.text.stems import content_stems

_SAME = 0.6
_SAME_TASK = 0.5
_SAME_SENTENCE = 0.75
_SAME_LENGTH = 0.25
"""The least share of all stems that two decisions must have in common.

A short sentence that repeats part of a long one is not about the same matter.
"""
_TIMES_OF_DAY = "day morning evening"
_VAGUE = re.compile(r"\b(?:it|that|this|them|those|other|one)\b", re.I)


_ENDS = (ChangeKind.WITHDRAW, ChangeKind.COMPLETE)


def changes_of(found: Iterable[Change], items: Mapping[str, Item], language: str) -> tuple[Change, ...]:
    """The changes that a note makes to the ledger *items*.

    *found* are the changes as a writer proposed them, without an item's id where they add something. An addition that
    repeats an open item becomes a revision of it. What this note itself added is added once, in its best words.
    """
    changes: list[Change] = []
    for proposed in found:
        now = ledger(changes, items)
        known = _meant(proposed, now.values(), language)
        if known is not None:
            _put(changes, _of_known(known, proposed, language))
        elif proposed.change not in _ENDS:
            changes.append(replace(proposed, change=ChangeKind.ADD, item=item_id(proposed.text, now)))
    return tuple(changes)


def _meant(change: Change, items: Iterable[Item], language: str) -> Item | None:
    """The item that *change* names, or the open one that it repeats."""
    if change.item:
        return next((item for item in items if item.id == change.item), None)
    alike = _ALIKE[change.kind]
    standing = (item for item in items if item.state is ItemState.OPEN and item.kind is change.kind)
    return next((item for item in standing if alike(last_change(item), change, language)), None)


def _of_known(known: Item, change: Change, language: str) -> Change:
    """*change* as a change of the item *known*. One that repeats the item keeps the better words of the two."""
    if change.change in _ENDS:
        return replace(change, item=known.id)
    before = last_change(known)
    news = bool(change.item) or _says_otherwise(before, change, language)
    kept = change if change.item else _JOINED[change.kind](before, change, language)
    kind = ChangeKind.REVISE if news else ChangeKind.RESTATE
    return replace(kept, change=kind, item=known.id, evidence=_union(known.evidence, change.evidence))


def _says_otherwise(before: Change, change: Change, language: str) -> bool:
    """Whether *change* contradicts what it repeats: another owner, time, number or day."""
    owners = {before.owner, change.owner} - {None}
    dues = [due_words(each.due) for each in (before, change)]
    told = [facts(each.text, language) for each in (before, change)]
    return len(owners) > 1 or any(not (one <= other or other <= one) for one, other in (dues, told))


def last_change(item: Item) -> Change:
    """*item* as it stands, as one change."""
    return Change(
        ChangeKind.REVISE,
        item.id,
        item.kind,
        item.text,
        item.owner,
        item.due,
        item.evidence,
        item.support,
        item.supported,
    )


def _put(changes: list[Change], change: Change) -> None:
    """Append *change*, or put it in the place of what the same note wrote of the item just before."""
    at = next((at for at in reversed(range(len(changes))) if changes[at].item == change.item), None)
    if at is None or change.change in _ENDS or changes[at].change in _ENDS:
        changes.append(change)
    else:
        kinds = {change.change, changes[at].change}
        first = next(kind for kind in (ChangeKind.ADD, ChangeKind.REVISE, ChangeKind.RESTATE) if kind in kinds)
        changes[at] = replace(change, change=first)


def _same_task(one: Change, other: Change, language: str) -> bool:
    if one.owner and other.owner and one.owner != other.owner:
        return False
    if speak_of_different_things(one.text, other.text, language):
        return False
    alike = overlap(_task_stems(one, language), _task_stems(other, language))
    shared_day = bool(due_words(one.due) & due_words(other.due))
    return alike >= (_SAME_TASK if shared_day else _SAME)


def _task_stems(task: Change, language: str) -> frozenset[str]:
    """Stems of the task itself, without its owner and its time."""
    known = content_stems(f"{task.owner or ''} {task.due or ''} {_TIMES_OF_DAY}", language)
    return frozenset(content_stems(task.text, language)) - frozenset(known)


def _one_task(earlier: Change, later: Change, language: str) -> Change:
    due = _one_due(earlier.due, later.due)
    best = max((later, earlier), key=lambda task: _clarity(task, due, language))
    return replace(best, owner=best.owner or earlier.owner or later.owner, due=due)


def _clarity(task: Change, due: str | None, language: str) -> tuple[bool, bool, int, int]:
    """A sort key: a named owner counts most, then the right time, then few vague words, then many content words."""
    return (
        task.owner is not None,
        due_words(task.due) >= due_words(due),
        -len(_VAGUE.findall(task.text)),
        len(content_stems(task.text, language)),
    )


def _one_due(earlier: str | None, later: str | None) -> str | None:
    """The more exact of two times if they agree, else the later one."""
    if earlier is None or later is None:
        return later or earlier
    if due_words(later) <= due_words(earlier):
        return earlier
    return later


def _matter(text: str, language: str) -> frozenset[str]:
    """Stems of the matter that a decision is about, without its numbers and days."""
    return frozenset(content_stems(text, language)) - frozenset(content_stems(" ".join(days(text, language)), language))


def _same_decision(one: Change, other: Change, language: str) -> bool:
    return _same_matter(one.text, other.text, language)


def _same_matter(one: str, other: str, language: str) -> bool:
    stems, others = _matter(one, language), _matter(other, language)
    if speak_of_different_things(one, other, language):
        return False
    return overlap(stems, others) >= _SAME and len(stems & others) >= _SAME_LENGTH * len(stems | others)


def facts(text: str, language: str) -> frozenset[str]:
    """Numbers, weekdays and months of *text*."""
    return numbers(text, language) | days(text, language)


def _one_decision(earlier: Change, later: Change, language: str) -> Change:
    agrees = facts(later.text, language) <= facts(earlier.text, language)
    richer = len(_matter(earlier.text, language)) >= len(_matter(later.text, language))
    return earlier if agrees and (richer or not facts(later.text, language)) else later


def _same_point(one: Change, other: Change, language: str) -> bool:
    stems, others = (frozenset(content_stems(each.text, language)) for each in (one, other))
    alike = len(stems & others) >= _SAME_SENTENCE * max(len(stems | others), 1)
    return alike and facts(one.text, language) == facts(other.text, language)


def _one_point(earlier: Change, later: Change, language: str) -> Change:
    return max((earlier, later), key=lambda point: len(content_stems(point.text, language)))


_ALIKE: dict[ItemKind, Callable[[Change, Change, str], bool]] = {
    ItemKind.POINT: _same_point,
    ItemKind.DECISION: _same_decision,
    ItemKind.ACTION: _same_task,
    ItemKind.QUESTION: _same_point,
}
_JOINED: dict[ItemKind, Callable[[Change, Change, str], Change]] = {
    ItemKind.POINT: _one_point,
    ItemKind.DECISION: _one_decision,
    ItemKind.ACTION: _one_task,
    ItemKind.QUESTION: _one_point,
}


def still_true(points: Iterable[Sentence], decisions: Sequence[Sentence], language: str) -> tuple[Sentence, ...]:
    """*points* without those whose day a later decision on the same matter replaced."""
    return tuple(point for point in points if not any(_overruled(point, each, language) for each in decisions))


def _overruled(point: Sentence, decision: Sentence, language: str) -> bool:
    said, decided = days(point.text, language), days(decision.text, language)
    if not said or not decided or said & decided or not _same_matter(point.text, decision.text, language):
        return False
    return max(point.evidence, default=0) < max(decision.evidence, default=0)


def _union(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(one + other))
