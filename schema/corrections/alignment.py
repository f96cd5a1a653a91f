"""Aligns two texts of the same audio. Gives the words of a corrected text their times, and finds its place.

A word is a row `[text, first_sample, end_sample, probability]`, as in `Segment.words`. In languages that separate words
by spaces, the text of a word starts with a space.
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
    """Return the words of *text*, a correction of *words*, with times.

    A word that did not change keeps its time and probability. New words divide the time of the words that they replace
    in proportion to their length. They get probability 1, because a person wrote them. Inserted words replace nothing,
    so they share the time of the word before them.
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
    """Pair the recognised words with the written tokens that stand for them. Neither side is empty."""
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
    if waiting:  # No recognised word remains in the text, so the new text takes the time of all of them.
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
    """Two transcripts of the same audio, *old* and *new*, matched by the words that they share."""

    def __init__(self, old: Sequence[WordRow], new: Sequence[WordRow]) -> None:
        self._new = new
        matcher = _matcher([word[TEXT] for word in old], [word[TEXT] for word in new])
        self._pairs = [
            (block.a + at, block.b + at) for block in matcher.get_matching_blocks() for at in range(block.size)
        ]

    def place(self, index: int, sample: int) -> int:
        """Return the index of the first new word after the boundary that precedes old word *index*.

        If both transcripts agree on both sides of the boundary, the words decide. If they differ, the times decide: a
        new word is before the boundary if its middle is before *sample*, the time of the boundary.
        """
        lowest = max((new + 1 for old, new in self._pairs if old < index), default=0)
        highest = min((new for old, new in self._pairs if old >= index), default=len(self._new))
        earlier = [word for word in self._new[lowest:highest] if word[FIRST] + word[END] < 2 * sample]
        return lowest + len(earlier)


def _matcher(one: Sequence[str], other: Sequence[str]) -> SequenceMatcher[str]:
    return SequenceMatcher(None, [_key(word) for word in one], [_key(word) for word in other], autojunk=False)


def _key(word: str) -> str:
    """A word without case and punctuation, for comparison. A word that is only punctuation stays as it is."""
    return "".join(character for character in word.casefold() if character.isalnum()) or word.strip()
