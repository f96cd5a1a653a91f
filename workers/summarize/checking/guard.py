"""Decides which sentences of a model may stand in minutes. Markup, prompt text, loops and changed meaning may not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from schema.core.sentences import whole_statements
from schema.core.wire import ENGLISH
from schema.core.words import words
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
_LOOP = 3


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


def _grams(text: str, length: int) -> list[tuple[str, ...]]:
    found = [word.lower() for word in words(text)]
    return [tuple(found[at : at + length]) for at in range(len(found) - length + 1)]
