"""Merges repeats, such as those of a recap. Where two statements contradict each other, the later one holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from schema.meetings.minutes import Action, Sentence
from workers.summarize.text.due import days, due_words
from workers.summarize.text.numbers import numbers
from workers.summarize.text.salience import overlap
from workers.summarize.text.stems import content_stems, names

_SAME = 0.6
_SAME_TASK = 0.5
_SAME_LENGTH = 0.25
"""The least share of all stems that two decisions must have in common.

A short sentence that repeats part of a long one is not about the same matter.
"""
_NUMBERED = re.compile(r"\b[A-Z]\w+ \d+\b")
_TIMES_OF_DAY = "day morning evening"
_VAGUE = re.compile(r"\b(?:it|that|this|them|those|other|one)\b", re.I)


def merge_actions(actions: Iterable[Action], language: str) -> tuple[Action, ...]:
    """*actions* without repeats, in the order of the meeting. Each keeps the evidence of all its mentions."""
    found: list[Action] = []
    for action in actions:
        at = next((at for at, known in enumerate(found) if _same_task(known, action, language)), None)
        if at is None:
            found.append(action)
        else:
            found[at] = _one_task(found[at], action, language)
    return tuple(found)


def _same_task(one: Action, other: Action, language: str) -> bool:
    if one.owner and other.owner and one.owner != other.owner:
        return False
    if _speak_of_different_things(one.text, other.text, language):
        return False
    alike = overlap(_task_stems(one, language), _task_stems(other, language))
    shared_day = bool(due_words(one.due) & due_words(other.due))
    return alike >= (_SAME_TASK if shared_day else _SAME)


def _task_stems(action: Action, language: str) -> frozenset[str]:
    """Stems of the task itself, without its owner and its time."""
    known = content_stems(f"{action.owner or ''} {action.due or ''} {_TIMES_OF_DAY}", language)
    return frozenset(content_stems(action.text, language)) - frozenset(known)


def _one_task(earlier: Action, later: Action, language: str) -> Action:
    due = _one_due(earlier.due, later.due)
    best = max((later, earlier), key=lambda action: _clarity(action, due, language))
    return replace(
        best,
        owner=best.owner or earlier.owner or later.owner,
        due=due,
        evidence=_union(earlier.evidence, later.evidence),
        support=best.support,
        supported=best.supported,
    )


def _clarity(action: Action, due: str | None, language: str) -> tuple[bool, bool, int, int]:
    """A sort key: a named owner counts most, then the right time, then few vague words, then many content words."""
    return (
        action.owner is not None,
        due_words(action.due) >= due_words(due),
        -len(_VAGUE.findall(action.text)),
        len(content_stems(action.text, language)),
    )


def _one_due(earlier: str | None, later: str | None) -> str | None:
    """The more exact of two times if they agree, else the later one."""
    if earlier is None or later is None:
        return later or earlier
    if due_words(later) <= due_words(earlier):
        return earlier
    return later


def merge_decisions(decisions: Iterable[Sentence], language: str) -> tuple[Sentence, ...]:
    """One decision for each matter, in the order of the meeting: the latest one where they contradict each other."""
    found: list[Sentence] = []
    for decision in decisions:
        at = next((at for at, known in enumerate(found) if _same_matter(known.text, decision.text, language)), None)
        if at is None:
            found.append(decision)
        else:
            found[at] = _one_decision(found[at], decision, language)
    return tuple(found)


def _matter(text: str, language: str) -> frozenset[str]:
    """Stems of the matter that a decision is about, without its numbers and days."""
    return frozenset(content_stems(text, language)) - frozenset(content_stems(" ".join(days(text)), language))


def _speak_of_different_things(one: str, other: str, language: str) -> bool:
    """Whether each text has a name, such as `Elm Street` or `Room 12`, that the other lacks."""
    ours, theirs = _labels(one, language), _labels(other, language)
    return bool(ours - theirs) and bool(theirs - ours)


def _labels(text: str, language: str) -> frozenset[str]:
    numbered = {match.lower() for match in _NUMBERED.findall(text) if not days(match)}
    return (names(text, language) | numbered) - days(text)


def _same_matter(one: str, other: str, language: str) -> bool:
    stems, others = _matter(one, language), _matter(other, language)
    if _speak_of_different_things(one, other, language):
        return False
    return overlap(stems, others) >= _SAME and len(stems & others) >= _SAME_LENGTH * len(stems | others)


def facts(text: str, language: str) -> frozenset[str]:
    """Numbers, weekdays and months of *text*."""
    return numbers(text, language) | days(text)


def _one_decision(earlier: Sentence, later: Sentence, language: str) -> Sentence:
    agrees = facts(later.text, language) <= facts(earlier.text, language)
    richer = len(_matter(earlier.text, language)) >= len(_matter(later.text, language))
    best = earlier if agrees and (richer or not facts(later.text, language)) else later
    return replace(best, evidence=_union(earlier.evidence, later.evidence))


def merge_sentences(sentences: Iterable[Sentence], language: str) -> tuple[Sentence, ...]:
    """*sentences* without repeats. The fuller version of each stays."""
    found: list[Sentence] = []
    for sentence in sentences:
        at = next((at for at, known in enumerate(found) if _repeats(known.text, sentence.text, language)), None)
        if at is None:
            found.append(sentence)
        else:
            best = max((found[at], sentence), key=lambda one: len(content_stems(one.text, language)))
            found[at] = replace(best, evidence=_union(found[at].evidence, sentence.evidence))
    return tuple(found)


def _repeats(one: str, other: str, language: str) -> bool:
    stems, others = frozenset(content_stems(one, language)), frozenset(content_stems(other, language))
    return len(stems & others) >= 0.75 * max(len(stems | others), 1) and facts(one, language) == facts(other, language)


def still_true(sentences: Iterable[Sentence], decisions: Sequence[Sentence], language: str) -> tuple[Sentence, ...]:
    """*sentences* without those whose day a later decision on the same matter replaced."""
    return tuple(s for s in sentences if not any(_overruled(s, decision, language) for decision in decisions))


def _overruled(sentence: Sentence, decision: Sentence, language: str) -> bool:
    said, decided = days(sentence.text), days(decision.text)
    if not said or not decided or said & decided or not _same_matter(sentence.text, decision.text, language):
        return False
    return max(sentence.evidence, default=0) < max(decision.evidence, default=0)


def _union(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(one + other))
