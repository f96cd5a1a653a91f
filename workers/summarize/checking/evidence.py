"""How well a sentence rests on what was said, computed from the words alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from schema.meetings.minutes import Sentence
from workers.summarize.text.language import language_of
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.words import content_stems, idf, names, stem, words

SUPPORTED_FROM = 0.4
"""Support from which a sentence counts as supported. Of sentences that people wrote about AMI meetings 58 % reach it
against their own evidence, and 6 % against the evidence of another sentence (`python -m bench.support`)."""
CONTRADICTED = 0.2
"""The most a sentence can score that names a number, a date or a name which its evidence lacks."""
EVIDENCE_LIMIT = 4
_GAIN = 0.08
_UNKNOWN_IDF = 2.0


@dataclass(frozen=True, slots=True)
class _Terms:
    stems: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]


class Evidence:
    """The segments that sentences are held against, their words counted once.

    Without a *language* it is found out from what the segments say.
    """

    def __init__(self, segments: Sequence[SpokenSegment], language: str | None = None) -> None:
        self.language = language_of(language, (segment.text for segment in segments))
        self.order = list(dict.fromkeys(segment.id for segment in segments))
        self._terms = {key: self._heard([s for s in segments if s.id == key]) for key in self.order}
        self._idf = idf([terms.stems for terms in self._terms.values()])

    def check(self, text: str, among: Sequence[int] | None = None) -> Sentence:
        """*text* with the segments that carry it, its support in [0, 1], and whether that is enough.

        With *among* only those segments may carry it, and all that do are needed to be near what they say.
        """
        chosen = self._choose(text, self.order if among is None else among)
        score = self.support(text, chosen)
        return Sentence(text, tuple(chosen), round(score, 3), score >= SUPPORTED_FROM)

    def support(self, text: str, evidence: Sequence[int]) -> float:
        """The idf-weighted share of the content words of *text* in the segments *evidence*.

        A number, weekday or name of *text* that is missing there brings it down to CONTRADICTED at most.
        """
        said = self._said(text)
        heard = [self._terms[key] for key in evidence if key in self._terms]
        stems = frozenset().union(*(terms.stems for terms in heard))
        facts = frozenset().union(*(terms.numbers for terms in heard))
        total = self._weight(said.stems) + len(said.numbers) * _UNKNOWN_IDF
        if not heard or not total:
            return 0.0
        covered = self._weight(said.stems & stems) + len(said.numbers & facts) * _UNKNOWN_IDF
        score = covered / total
        if said.numbers - facts or {stem(name, self.language) for name in said.names} - stems:
            return min(score, CONTRADICTED)
        return score

    def _weight(self, stems: frozenset[str]) -> float:
        return sum(self._idf.get(word, _UNKNOWN_IDF) for word in stems)

    def _choose(self, text: str, among: Sequence[int]) -> list[int]:
        """Greedily the segments that add most, until one adds too little; in the order of the meeting."""
        said = self._said(text)
        open_stems, open_numbers = said.stems, said.numbers
        total = self._weight(open_stems) + len(open_numbers) * _UNKNOWN_IDF
        chosen: list[int] = []
        while len(chosen) < EVIDENCE_LIMIT:
            gains = {
                key: self._weight(open_stems & self._terms[key].stems)
                + len(open_numbers & self._terms[key].numbers) * _UNKNOWN_IDF
                for key in among
                if key in self._terms and key not in chosen
            }
            best = max(gains, key=lambda key: gains[key], default=None)
            if best is None or gains[best] <= _GAIN * total:
                break
            chosen.append(best)
            open_stems -= self._terms[best].stems
            open_numbers -= self._terms[best].numbers
        return sorted(chosen, key=self.order.index)

    def _said(self, text: str) -> _Terms:
        return _Terms(
            frozenset(content_stems(text, self.language)), numbers(text, self.language), names(text, self.language)
        )

    def _heard(self, pieces: list[SpokenSegment]) -> _Terms:
        """A segment's own words count, and its speaker, as a sentence may name who said it."""
        said = self._said(" ".join(piece.text for piece in pieces))
        speakers = {stem(word, self.language) for piece in pieces for word in words(piece.speaker or "")}
        return replace(said, stems=said.stems | speakers)
