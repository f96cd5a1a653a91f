"""What the critic sees: a claim, the lines around its evidence, and how their words, people and figures agree.

Legend: T pieces of lines, one for each sentence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from schema.core.sentences import is_question, split_sentences
from schema.core.words import count_words
from schema.minutes.ledger import ItemKind
from workers.summarize.checking.calendar_words import WEEKDAYS, calendar_words
from workers.summarize.checking.claim import MinutesClaim
from workers.summarize.checking.cues import CUES, DiscourseCue, cues
from workers.summarize.checking.figures import is_said
from workers.summarize.text.embedding import Features, embedded
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.stems import content_stems

BEFORE, AFTER = 4, 16
"""Pieces of context that the critic reads before the first line of the evidence, and after the last one."""
PIECES_LIMIT = 44
LATER_LIMIT = 100
"""Pieces that the critic reads to see whether they take an item back."""
_KINDS = tuple(ItemKind)
_LONG_WORDS = 40
_AGREEMENTS = 17
_PLACES = 4
_STATICS = len(CUES) + 3
PIECE_FACTS = _PLACES + 1 + _AGREEMENTS + _STATICS
_CLAIM_STATICS = len(_KINDS) + len(CUES) + 3
_SUMMED = 6
CLAIM_FACTS = _CLAIM_STATICS + 2 * _SUMMED + 7


@dataclass(frozen=True, slots=True)
class _Words:
    """What a text says, in forms that can be compared."""

    stems: frozenset[str]
    numbers: frozenset[str]
    days: frozenset[str]
    people: frozenset[str]
    cues: tuple[bool, ...]

    def has(self, cue: DiscourseCue) -> bool:
        return self.cues[CUES.index(cue)]


@dataclass(frozen=True, slots=True)
class _Piece:
    """One sentence of a line."""

    line: int
    speaker: str | None
    text: str
    said: _Words


@dataclass(frozen=True, slots=True)
class CriticInput:
    """What the network reads of one claim, beside the embeddings of the pieces."""

    seen: tuple[int, ...]
    """The pieces (T,), by their place in `CriticReader.embedded`."""
    facts: Features
    """(T, PIECE_FACTS)."""
    claim: Features
    """The embedding of the claim's text (EMBEDDING,)."""
    claim_facts: Features
    """(CLAIM_FACTS,)."""
    lines: tuple[int, ...]
    """The index of the line of each piece."""
    contradicted: bool
    """Whether the claim has a number, a weekday or a person that no piece has."""


class CriticReader:
    """The lines that claims are checked against. What does not depend on a claim is computed once.

    `people` are the names that lines and claims may mention.
    """

    def __init__(
        self,
        lines: Sequence[SpokenSegment],
        people: Collection[str],
        language: str,
        known: Features | None = None,
    ) -> None:
        """*known* are the embeddings of the pieces, if they were computed before."""
        self.line_ids = [line.id for line in lines]
        self._lines, self._language, self._known = lines, language, known
        self._people = {name: re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.I) for name in people}
        self._pieces = [
            _Piece(at, line.speaker, text, self._words(text))
            for at, line in enumerate(lines)
            for text in split_sentences(line.text)
        ]

    def _words(self, text: str) -> _Words:
        return _Words(
            frozenset(content_stems(text, self._language)),
            numbers(text, self._language),
            calendar_words(text, self._language),
            self._named(text),
            cues(text, self._language),
        )

    def _named(self, text: str) -> frozenset[str]:
        return frozenset(name for name, pattern in self._people.items() if pattern.search(text))

    @cached_property
    def embedded(self) -> Features:
        """The embeddings of all pieces (pieces, EMBEDDING)."""
        return embedded([piece.text for piece in self._pieces]) if self._known is None else self._known

    @cached_property
    def _static(self) -> Features:
        """What is known of each piece by itself (T, _STATICS)."""
        lengths = (min(count_words(piece.text), _LONG_WORDS) / 20 for piece in self._pieces)
        rows = [
            (*piece.said.cues, is_question(piece.text), length, piece.speaker is not None)
            for piece, length in zip(self._pieces, lengths, strict=True)
        ]
        return np.array(rows, np.float32)

    def has_evidence(self, claim: MinutesClaim) -> bool:
        """Whether something is said in a line that is evidence of *claim*."""
        return bool(self._evidence(claim))

    def _evidence(self, claim: MinutesClaim) -> list[int]:
        return [at for at, piece in enumerate(self._pieces) if self.line_ids[piece.line] in claim.evidence]

    def read(self, claim: MinutesClaim, embedding: Features) -> CriticInput:
        """What the network reads of *claim*. *embedding* (EMBEDDING,) is that of its text.

        Raises ValueError if it has no evidence among the lines.
        """
        evidence = self._evidence(claim)
        if not evidence:
            raise ValueError("no line of the claim's evidence is there")
        first, end = max(evidence[0] - BEFORE, 0), min(evidence[-1] + AFTER + 1, len(self._pieces))
        return self._input(claim, _nearest(range(first, end), evidence), evidence, embedding)

    def read_later(self, claim: MinutesClaim, embedding: Features, lines: range | None = None) -> CriticInput:
        """What the network reads to see whether *lines*, all by default, take *claim* back.

        They are given by index, hold at least one sentence, and none of them is evidence.
        """
        seen = [at for at, piece in enumerate(self._pieces) if lines is None or piece.line in lines]
        return self._input(claim, seen[:LATER_LIMIT], [], embedding)

    def without_speakers(self) -> CriticReader:
        """A reader of the same lines that knows no speaker."""
        lines = [replace(line, speaker=None) for line in self._lines]
        return CriticReader(lines, self._people, self._language, self.embedded)

    def holds(self, lines: range) -> bool:
        """Whether anything is said in *lines*, given by index."""
        return any(piece.line in lines for piece in self._pieces)

    def _input(
        self, claim: MinutesClaim, seen: Sequence[int], evidence: Sequence[int], embedding: Features
    ) -> CriticInput:
        told = self._words(claim.text)
        owners = self._named(claim.owner or "")
        pieces = self.embedded[list(seen)]
        similar = (pieces @ embedding) / (np.linalg.norm(pieces, axis=1) * np.linalg.norm(embedding) + 1e-6)
        agreements = np.array([self._agreement(self._pieces[at], told, owners) for at in seen], np.float32)
        places = np.array([_place(at, evidence) for at in seen], np.float32)
        facts = np.concatenate([places, similar[:, None], agreements, self._static[list(seen)]], axis=1)
        carrying = places[:, 0] > 0
        return CriticInput(
            tuple(seen),
            facts.astype(np.float32),
            embedding,
            self._claim_facts(claim, told, owners, seen, carrying, similar),
            tuple(self._pieces[at].line for at in seen),
            self._is_contradicted(claim, owners, [self._pieces[at] for at in seen]),
        )

    def _is_contradicted(self, claim: MinutesClaim, owners: frozenset[str], pieces: Sequence[_Piece]) -> bool:
        """People are compared only where speakers are known. Elsewhere those who speak are often not named."""
        told = self._words(f"{claim.text} {claim.due or ''}")
        said = [piece.said for piece in pieces]
        heard = frozenset().union(*(each.numbers for each in said))
        days = frozenset().union(*(each.days for each in said))
        speakers = frozenset(piece.speaker for piece in pieces if piece.speaker)
        people = speakers.union(*(each.people for each in said))
        return (
            not all(is_said(number, heard) for number in told.numbers)
            or bool((told.days & WEEKDAYS) - days)
            or bool(speakers and (told.people | owners) - people)
        )

    def _agreement(self, piece: _Piece, told: _Words, owners: frozenset[str]) -> tuple[float, ...]:
        said, speaker = piece.said, piece.speaker
        owned = speaker is not None and speaker in owners
        foreign = speaker is not None and bool(owners) and not owned
        shared = len(said.stems & told.stems)
        cover = shared / max(len(told.stems), 1)
        return (
            cover,
            shared / max(len(said.stems), 1),
            min(shared, 4) / 4,
            bool(said.numbers & told.numbers),
            bool(said.numbers - told.numbers),
            bool(said.days & told.days),
            bool(said.days - told.days),
            owned,
            foreign,
            bool(said.people & owners),
            bool(said.people - owners),
            bool(said.people & told.people),
            speaker in told.people,
            owned and said.has(DiscourseCue.I),
            foreign and said.has(DiscourseCue.I),
            bool(said.people & owners) and said.has(DiscourseCue.YOU),
            cover if said.has(DiscourseCue.DENIES) else 0.0,
        )

    def _claim_facts(
        self,
        claim: MinutesClaim,
        told: _Words,
        owners: frozenset[str],
        seen: Sequence[int],
        carrying: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
        similar: Features,
    ) -> Features:
        context = [self._pieces[at] for at in seen]
        evidence = [piece for piece, carries in zip(context, carrying, strict=True) if carries]
        speak_of_self = {piece.speaker for piece in evidence if piece.said.has(DiscourseCue.I) and piece.speaker}
        return np.array(
            (
                *(claim.kind is kind for kind in _KINDS),
                *told.cues,
                claim.owner is not None,
                bool(told.numbers),
                min(len(told.stems), 20) / 20,
                *_missing(told, owners, evidence),
                *_missing(told, owners, context),
                any(piece.speaker in owners for piece in evidence),
                any(piece.said.people & owners for piece in evidence),
                bool(speak_of_self & owners),
                bool(speak_of_self - owners),
                any(piece.speaker for piece in context),
                float(similar[carrying].max(initial=0.0)),
                float(similar.max(initial=0.0)),
            ),
            np.float32,
        )


def _nearest(seen: range, evidence: Sequence[int]) -> list[int]:
    """The pieces of *seen* that are nearest to the evidence, at most PIECES_LIMIT."""
    near = sorted(seen, key=lambda at: min(abs(at - other) for other in evidence))
    return sorted(near[:PIECES_LIMIT])


def _place(at: int, evidence: Sequence[int]) -> tuple[float, ...]:
    """Whether the piece is evidence, stands before or after it, and how far from it."""
    if not evidence:
        return 0.0, 0.0, 0.0, 0.0
    distance = min(abs(at - other) for other in evidence)
    return at in evidence, at < evidence[0], at > evidence[-1], min(distance, 20) / 10


def _missing(told: _Words, owners: frozenset[str], pieces: Sequence[_Piece]) -> Iterator[float]:
    """What of the claim no piece says: shares of stems, numbers, days and people; whether there are any of these."""
    said = [piece.said for piece in pieces]
    named = frozenset(piece.speaker for piece in pieces if piece.speaker).union(*(each.people for each in said))
    wanted = told.people | owners
    yield _share(told.stems, frozenset().union(*(each.stems for each in said)))
    yield _share(told.numbers, frozenset().union(*(each.numbers for each in said)))
    yield _share(told.days, frozenset().union(*(each.days for each in said)))
    yield _share(wanted, named)
    yield any(each.has(DiscourseCue.DENIES) for each in said)
    yield any(each.has(DiscourseCue.DOUBTS) for each in said)


def _share(told: frozenset[str], said: frozenset[str]) -> float:
    return len(told - said) / len(told) if told else 0.0
