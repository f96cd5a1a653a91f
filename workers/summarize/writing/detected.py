"""Writes notes from what the detector finds: decisions, tasks, facts and open questions, in the words as said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from schema.core.sentences import split_sentences
from schema.core.wire import ENGLISH
from schema.core.words import count_words
from schema.minutes.ledger import ItemKind
from workers.summarize.detection.detector import Detector, FoundItem
from workers.summarize.text.disfluency import fluent, without_sure_lead_in
from workers.summarize.text.due import find_due
from workers.summarize.text.segment import SpokenSegment, statements
from workers.summarize.text.stems import content_stems
from workers.summarize.writing.people import find_people
from workers.summarize.writing.rules import title_of
from workers.summarize.writing.writer import Draft, NoteDraft, WindowTask

POINTS_LIMIT = 4
"""Facts of one window. The surest stay."""
TEXT_WORDS = 28
"""The main line and further lines are joined up to so many words."""
_FIRST_PERSON = re.compile(
    r"\b(?:I|me|my|ich|mir|mich|je|moi|yo|me|mí|mach|kümmere|hago|miro|llamo|mando)\b|\bj['’]", re.I
)
_NAMED, _SAYS_I, _SPEAKS, _LAST = 1.1, 1.0, 0.3, 0.2
"""Weights in the vote on an owner: who is named by somebody else, who says `I`, who speaks at all, who speaks last.

On the training meetings the vote finds 93 % of the owners from the lines that carry the tasks.
"""


class DetectedWriter:
    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def note(self, task: WindowTask) -> NoteDraft:
        said = statements(task.window)
        # Where speakers are known, they are the people. Names that are only mentioned are guesses.
        speakers = frozenset(line.speaker for line in task.window if line.speaker)
        people = speakers | task.people if speakers else find_people(said) | task.people
        found = self._detector.find(task.window, people)
        points = sorted((item for item in found if item.kind is ItemKind.POINT), key=lambda item: -item.probability)
        kept = [item for item in found if item.kind is not ItemKind.POINT or item in points[:POINTS_LIMIT]]
        drafts = tuple(_draft(item, task, people) for item in kept)
        return NoteDraft(title_of(said, task.language), drafts)


def _draft(item: FoundItem, task: WindowTask, people: frozenset[str]) -> Draft:
    lines = [task.window[at] for at in item.lines]
    text = _text(item, task)
    is_task = item.kind is ItemKind.ACTION
    return Draft(
        kind=item.kind,
        text=text,
        owner=owner_of(lines, people) if is_task else None,
        due=_due(lines, task.language) if is_task else None,
        evidence=tuple(dict.fromkeys(line.id for line in lines)),
    )


def _text(item: FoundItem, task: WindowTask) -> str:
    """The main line, and of the other lines what adds words that carry meaning."""
    main = task.window[item.main]
    texts = {item.main: _told(main, task.language)}
    known = set(content_stems(main.text, task.language))
    total = count_words(texts[item.main])
    for at in sorted(item.lines, key=lambda at: abs(at - item.main)):
        line = task.window[at]
        new = set(content_stems(line.text, task.language)) - known
        told = _told(line, task.language)
        if at == item.main or len(new) < 2 or total + count_words(told) > TEXT_WORDS:
            continue
        texts[at] = told
        known |= new
        total += count_words(told)
    return " ".join(texts[at] for at in sorted(texts))


def _told(line: SpokenSegment, language: str) -> str:
    """What a line says, without hesitations."""
    if language != ENGLISH:
        return " ".join(line.text.split())
    sentences = (without_sure_lead_in(fluent(sentence)).strip(" ,") for sentence in split_sentences(line.text))
    told = " ".join(f"{sentence[0].upper()}{sentence[1:]}" for sentence in sentences if sentence)
    return told or " ".join(line.text.split())


def owner_of(lines: Sequence[SpokenSegment], people: frozenset[str]) -> str | None:
    """Who does what *lines* say: who is asked by name, or who says `I`. None if no speaker and no name is known."""
    votes: dict[str, float] = {}
    for name, weight in _votes(lines, people):
        votes[name] = votes.get(name, 0.0) + weight
    return max(votes, key=lambda name: votes[name], default=None)


def _votes(lines: Sequence[SpokenSegment], people: frozenset[str]) -> Iterator[tuple[str, float]]:
    for number, line in enumerate(lines, 1):
        if line.speaker:
            yield line.speaker, _SPEAKS + _LAST * (number == len(lines))
            if _FIRST_PERSON.search(line.text):
                yield line.speaker, _SAYS_I
        for name in people:
            if name != line.speaker and re.search(rf"\b{re.escape(name)}\b", line.text):
                yield name, _NAMED


def _due(lines: Sequence[SpokenSegment], language: str) -> str | None:
    found = (find_due(line.text) for line in lines if language == ENGLISH)
    return next(filter(None, found), None)
