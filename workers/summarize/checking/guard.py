"""Decides which sentences of a model may stand in minutes. Markup, prompt text, loops and changed meaning may not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from schema.core.sentences import whole_statements
from schema.core.wire import ENGLISH
from schema.core.words import words
from workers.summarize.text.numbers import numbers
from workers.summarize.text.speaker_labels import SpeakerLabels
from workers.summarize.text.stems import content_stems

NEGATION = re.compile(r"\b(?:not|no|never|none|nothing|nobody|without|cannot|neither|nor)\b|n['’]t\b", re.I)
_CLAUSE_END = re.compile(
    r"[,;:.!?]|\b(?:but|because|so|and|or|if|when|that|which|then|as|while|though|although)\b", re.I
)
_DENIED_FROM = 2
"""A clause needs this many content words after its negation to show what it denies. `I am not sure` has too few."""


def keeps_negation(text: str, said: Sequence[str]) -> bool:
    """Whether *text* has no negation that the statements *said* lack, and asserts nothing that they only deny."""
    if NEGATION.search(text):
        return any(NEGATION.search(statement) for statement in said)
    told = frozenset(content_stems(text, ENGLISH))
    clauses = [clause for statement in said for clause in _CLAUSE_END.split(statement)]
    positive = (clause for clause in clauses if not NEGATION.search(clause))
    asserted = frozenset(stem for clause in positive for stem in content_stems(clause, ENGLISH))
    return not any(denied <= told and not denied <= asserted for denied in _denied(clauses))


def _denied(clauses: Sequence[str]) -> Iterator[frozenset[str]]:
    """The content words after the negation of each clause that has one and shows what it denies."""
    for clause in clauses:
        if cue := NEGATION.search(clause):
            stems = frozenset(content_stems(clause[cue.end() :], ENGLISH))
            if len(stems) >= _DENIED_FROM:
                yield stems


_MARKUP = re.compile(
    r"[<>{}|`#*_\\\[\]]|https?:|^\W*$|\b(?:minutes|title|part|user|assistant|system|model|transcript|summary|notes?"
    r"|said by|thinking|reasoning|step \d+)\s*:|^(?:-|\d+[.)])\s",
    re.I,
)
_MACHINE = re.compile(
    r"\b(?:as an ai|language model|the user|i cannot|here is|here are|let me think|okay, so i)\b", re.I
)
_FIRST_PERSON = re.compile(r"\b(?:I|I'm|I'll|I've|I'd|me|my|mine|myself|you|your)\b")
_CONDITION = re.compile(r"\b(?:if|unless|until|except|only)\b", re.I)
_FUTURE = re.compile(r"\b(?:will|going to|plans? to|wants? to|shall)\b|['’]ll\b", re.I)
_MODALS = re.compile(
    r"\b(?:should|could|might|may|must|would|can|has to|have to|needs? to|maybe|perhaps|probably|possibly|likely)\b",
    re.I,
)
_EXTENT = re.compile(
    r"\b(?:half|thirds? of|quarters? of|most|some|few|fewer|several|many|almost|nearly|hardly|barely|at least|at most"
    r"|up to|more than|less than)\b",
    re.I,
)
_ME = frozenset({"I", "my", "me"})
_ECHO = 5
_LOOP = 3
_KEPT_ORDER = 0.8


def clean(draft: str) -> str | None:
    """The first whole sentence or sentences of *draft*, or None if they are not fit to print."""
    plain = " ".join(draft.strip().split())
    text = whole_statements(plain)
    if not text or not is_clean(plain) or len(words(text)) < 3:
        return None
    return f"{text[0].upper()}{text[1:]}"


def is_clean(text: str) -> bool:
    """Whether *text* starts with a word and has no markup, no talk of a model about itself, and no loop."""
    if not text or not text[0].isalnum() or _MARKUP.search(text) or _MACHINE.search(text):
        return False
    return not _loops(text)


def _loops(text: str) -> bool:
    grams = _grams(text, _LOOP)
    return len(grams) != len(set(grams))


def echoes(text: str, prompt: str, source: str) -> bool:
    """Whether *text* repeats a run of words of *prompt* that *source* does not contain."""
    taken = set(_grams(text, _ECHO)) & set(_grams(prompt, _ECHO))
    return bool(taken - set(_grams(source, _ECHO)))


def _names_teller(text: str, source: str, speaker: str | None) -> bool:
    """Whether *text* adds `Ada said ...`, or makes Ada the subject of a statement that is not about herself."""
    if re.search(r"\bsaid\b", text) and not re.search(r"\bsaid\b", source):
        return True
    return bool(speaker) and text.startswith(f"{speaker} ") and not _FIRST_PERSON.search(source)


def _kept_order(text: str, source: str, speaker: str | None) -> float:
    """The share of the words of *text* that *source* has in the same order. `I` in *source* equals the speaker."""
    named = words(speaker.lower()) if speaker else []
    said = [each for word in words(source) for each in (named if named and word in _ME else [word.lower()])]
    told = [word.lower() for word in words(text)]
    row = [0] * (len(said) + 1)
    for word in told:
        row = _next_row(row, word, said)
    return row[-1] / max(len(told), 1)


def _next_row(row: list[int], word: str, said: list[str]) -> list[int]:
    """One row of the longest common subsequence."""
    fresh = [0]
    for at, other in enumerate(said):
        fresh.append(row[at] + 1 if word == other else max(row[at + 1], fresh[-1]))
    return fresh


def _grams(text: str, length: int) -> list[tuple[str, ...]]:
    found = [word.lower() for word in words(text)]
    return [tuple(found[at : at + length]) for at in range(len(found) - length + 1)]


def _extent(text: str) -> frozenset[str]:
    """The quantities in *text*. They distinguish `11 of the 40 tests failed` from `the 40 tests failed`."""
    return numbers(text, ENGLISH) | {word.lower() for word in _EXTENT.findall(text)}


def keeps_meaning(text: str, source: str, speaker: str | None = None) -> bool:
    """Whether *text* can stand for *source*: nearly the same words in the same order, and no new content words.

    Both must have the same quantities, the same words of obligation and doubt, and either both or neither a negation,
    a condition or a future. *text* may name the speaker only if *source* is in the first person.
    """
    said = f"{source} {speaker or ''}" if _FIRST_PERSON.search(source) else source
    _, unlabelled = SpeakerLabels([speaker], ENGLISH).split(text)
    if set(content_stems(text, ENGLISH)) - set(content_stems(said, ENGLISH)) or _extent(unlabelled) != _extent(source):
        return False
    if (
        _names_teller(text, source, speaker)
        or _FIRST_PERSON.search(text)
        or _kept_order(text, source, speaker) < _KEPT_ORDER
    ):
        return False
    if any(bool(kind.search(text)) != bool(kind.search(source)) for kind in (NEGATION, _CONDITION, _FUTURE)):
        return False
    return {word.lower() for word in _MODALS.findall(text)} == {word.lower() for word in _MODALS.findall(source)}
