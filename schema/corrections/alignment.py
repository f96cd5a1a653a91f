"""Words of two readings of the same sound beside each other: the times of a corrected text, and where it stood.

A word is a row `[text, first_sample, end_sample, probability]` as `Segment.words` holds it. In languages that put
spaces between words its text begins with one.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Any

WordRow = list[Any]
TEXT, FIRST, END, PROBABILITY = range(4)


def joined(words: Sequence[WordRow]) -> str:
    return "".join(word[TEXT] for word in words).strip()


def timed_words(words: Sequence[WordRow], text: str) -> list[WordRow]:
    """The words of *text*, a correction of what *words* say, with times.

    A word that was heard so keeps its time and probability. Others share out the time of what they stand for by their
    length, with probability 1, since a person wrote them; those that stand for nothing share that of the word before.
    """
    if joined(words) == text:
        return [list(word) for word in words]
    tokens = _tokens(words, text)
    if not words or not tokens:
        return []
    timed: list[WordRow] = []
    for heard, written in _groups(words, tokens):
        timed += _shared_out(heard, written)
    return timed


def _tokens(words: Sequence[WordRow], text: str) -> list[str]:
    if any(word[TEXT].startswith(" ") for word in words):
        return [f" {token}" for token in text.split()]
    return [text] if text else []


def _groups(words: Sequence[WordRow], tokens: Sequence[str]) -> list[tuple[list[WordRow], list[str]]]:
    """What was heard beside what is written for it; neither is empty."""
    groups: list[tuple[list[WordRow], list[str]]] = []
    waiting: list[str] = []
    for tag, i1, i2, j1, j2 in _matcher([word[TEXT] for word in words], tokens).get_opcodes():
        if tag == "equal":
            pairs = [([word], [token]) for word, token in zip(words[i1:i2], tokens[j1:j2], strict=True)]
            pairs[0][1][:0], waiting = waiting, []
            groups += pairs
        elif tag == "replace":
            groups.append((list(words[i1:i2]), [*waiting, *tokens[j1:j2]]))
            waiting = []
        elif tag == "insert" and groups:
            groups[-1][1].extend(tokens[j1:j2])
        elif tag == "insert":
            waiting = list(tokens[j1:j2])
    if waiting:  # nothing that was heard is written: all of it is the sound of what is
        groups.append((list(words), waiting))
    return groups


def _shared_out(heard: Sequence[WordRow], written: Sequence[str]) -> list[WordRow]:
    if len(heard) == len(written) == 1 and _key(heard[0][TEXT]) == _key(written[0]):
        return [[written[0], *heard[0][FIRST:]]]
    first, length = heard[0][FIRST], heard[-1][END] - heard[0][FIRST]
    ends = list(accumulate(len(token) for token in written))
    cuts = [first, *(first + length * end // ends[-1] for end in ends)]
    return [[token, cut, cuts[at + 1], 1.0] for at, (token, cut) in enumerate(zip(written, cuts, strict=False))]


class Alignment:
    """Two readings, *old* and *new*, matched by the words that they share."""

    def __init__(self, old: Sequence[WordRow], new: Sequence[WordRow]) -> None:
        self._new = new
        matcher = _matcher([word[TEXT] for word in old], [word[TEXT] for word in new])
        self._pairs = [
            (block.a + at, block.b + at) for block in matcher.get_matching_blocks() for at in range(block.size)
        ]

    def place(self, index: int, sample: int) -> int:
        """Which word of the new reading is the first behind the boundary before word *index* of the old one.

        Where both read the same on each side of the boundary that is certain. Where they differ, the new words whose
        middle lies before *sample*, the boundary's time, are before it.
        """
        lowest = max((new + 1 for old, new in self._pairs if old < index), default=0)
        highest = min((new for old, new in self._pairs if old >= index), default=len(self._new))
        earlier = [word for word in self._new[lowest:highest] if word[FIRST] + word[END] < 2 * sample]
        return lowest + len(earlier)


def _matcher(one: Sequence[str], other: Sequence[str]) -> SequenceMatcher[str]:
    return SequenceMatcher(None, [_key(word) for word in one], [_key(word) for word in other], autojunk=False)


def _key(word: str) -> str:
    """A word as it sounds: without case and punctuation, unless it is nothing else."""
    return "".join(character for character in word.casefold() if character.isalnum()) or word.strip()
