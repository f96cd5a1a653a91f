"""Measures how well the transcript supports a sentence, from the words alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from schema.core.language import language_of
from schema.core.words import words
from schema.minutes.minutes import Sentence
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.speaker_labels import SpeakerLabels
from workers.summarize.text.stems import content_stems, idf, names, stem

SUPPORTED_FROM = 0.4
"""The least support with which a sentence counts as supported.

Sentences that people wrote about AMI meetings were measured with `python -m bench.support`: 58 % reach this support
from their own evidence, and 6 % from the evidence of another sentence.
"""
CONTRADICTED = 0.2
"""The highest support of a sentence with a number, a date or a name that its evidence lacks."""
EVIDENCE_LIMIT = 4
_GAIN = 0.08
_UNKNOWN_IDF = 2.0


@dataclass(frozen=True, slots=True)
class _Terms:
    """`names` are stems of names, and speaker labels. All of them are in `stems` where a segment contains them."""

    stems: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]


class Evidence:
    """The segments that sentences are checked against. Their words are counted only once.

    If *language* is unknown, it is detected from the segments.
    """

    def __init__(self, segments: Sequence[SpokenSegment], language: str | None = None) -> None:
        self.language = language_of(language, (segment.text for segment in segments))
        self._labels = SpeakerLabels((segment.speaker for segment in segments), self.language)
        self.order = list(dict.fromkeys(segment.id for segment in segments))
        self._terms = {key: self._terms_of([s for s in segments if s.id == key]) for key in self.order}
        self._idf = idf([terms.stems for terms in self._terms.values()])

    def check(self, text: str, among: Sequence[int] | None = None) -> Sentence:
        """*text* with the segments that support it, its support in [0, 1], and whether that is enough.

        If *among* is given, only those segments are considered.
        """
        chosen = self._choose(text, self.order if among is None else among)
        score = self.support(text, chosen)
        return Sentence(text, tuple(chosen), round(score, 3), score >= SUPPORTED_FROM)

    def support(self, text: str, evidence: Sequence[int]) -> float:
        """The share of the content words of *text* that the segments *evidence* contain, weighted by idf.

        If they lack a number, weekday or name of *text*, the support is at most CONTRADICTED. The number in a speaker's
        label, such as `Channel 4`, belongs to the name.
        """
        said = self._terms_in(text)
        heard = [self._terms[key] for key in evidence if key in self._terms]
        stems = frozenset().union(*(terms.stems for terms in heard))
        facts = frozenset().union(*(terms.numbers for terms in heard))
        total = self._weight(said.stems) + len(said.numbers) * _UNKNOWN_IDF
        if not heard or not total:
            return 0.0
        covered = self._weight(said.stems & stems) + len(said.numbers & facts) * _UNKNOWN_IDF
        score = covered / total
        if said.numbers - facts or said.names - stems:
            return min(score, CONTRADICTED)
        return score

    def _weight(self, stems: frozenset[str]) -> float:
        return sum(self._idf.get(word, _UNKNOWN_IDF) for word in stems)

    def _choose(self, text: str, among: Sequence[int]) -> list[int]:
        """Choose greedily the segments that add most, until one adds too little. Returns them in meeting order."""
        said = self._terms_in(text)
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

    def _terms_in(self, text: str) -> _Terms:
        labels, rest = self._labels.split(text)
        named = {stem(name, self.language) for name in names(rest, self.language)}
        return _Terms(
            frozenset(content_stems(rest, self.language)) | labels, numbers(rest, self.language), labels | named
        )

    def _terms_of(self, pieces: list[SpokenSegment]) -> _Terms:
        """The terms of a segment. They include its speaker's name, since a sentence may name who said it."""
        said = self._terms_in(" ".join(piece.text for piece in pieces))
        speakers = {piece.speaker for piece in pieces if piece.speaker}
        named = {stem(word, self.language) for speaker in speakers for word in words(speaker)}
        return replace(said, stems=said.stems.union(named, (speaker.lower() for speaker in speakers)))
