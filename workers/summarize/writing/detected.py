"""Writes notes without a language model: a detector finds the lines that carry something, and clauses of them say it.

So minutes have no word that was not said, but for names. English phrases of deciding and promising are found by rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from schema.core.wire import ENGLISH
from schema.minutes.ledger import ItemKind
from workers.summarize.checking.cues import speaks_of_self
from workers.summarize.detection.clause_chooser import ClauseChooser, WeighedClause, best_clauses, says_enough
from workers.summarize.detection.clauses import joined
from workers.summarize.detection.detector import Detector, FoundItem, Reading
from workers.summarize.detection.line_encoder import LineEncoder
from workers.summarize.detection.line_weights import line_weights
from workers.summarize.detection.owners import as_task, owner_of, tasks_of
from workers.summarize.text.due import find_due
from workers.summarize.text.segment import SpokenSegment, statements
from workers.summarize.writing.people import find_people
from workers.summarize.writing.rules import decisions_and_tasks, title_of
from workers.summarize.writing.writer import Draft, NoteDraft, WindowTask

_TASKS = (ItemKind.DECISION, ItemKind.ACTION)
LANGUAGES = frozenset({"en", "de", "fr", "es"})
"""The languages that detector and chooser were trained and measured on."""
POINTS_LIMIT = 4
"""Facts of one window. The surest stay."""


class DetectedWriter:
    def __init__(self, detector: Detector, chooser: ClauseChooser) -> None:
        self._detector = detector
        self._chooser = chooser

    @classmethod
    def load(cls, cache_dir: Path) -> DetectedWriter:
        """With the included weights, and a language model of which *cache_dir* has a copy. Raises BrokenModel."""
        return cls(Detector.load(LineEncoder.load(line_weights(cache_dir))), ClauseChooser.load())

    def note(self, task: WindowTask) -> NoteDraft:
        people = _people(task)
        phrased = list(decisions_and_tasks(statements(task.window), task))
        taken = {(kind, key) for draft in phrased if _is_plain(draft) for kind in _TASKS for key in draft.evidence}
        reading = self._detector.read(task.window, people)
        found = _free(_shown(reading.items), taken, task.window)
        drafts = [draft for item in found for draft in self._drafts(item, reading, task, people)]
        told = (*drafts, *_missed(phrased, drafts))
        return NoteDraft(title_of(statements(task.window), task), told)

    def _drafts(self, item: FoundItem, reading: Reading, task: WindowTask, people: frozenset[str]) -> Iterator[Draft]:
        weighed = self._chooser.weigh(item, reading, task.window, task.language)
        chosen = best_clauses(weighed, item.kind, task.language)
        if not says_enough(chosen, item.kind):
            return
        if item.kind is not ItemKind.ACTION:
            yield Draft(item.kind, _text(chosen, None, task), evidence=_evidence(item.lines, task))
            return
        owner = owner_of(weighed, task.window, people | find_people(statements(task.window)))
        for who, clauses in tasks_of(chosen, owner, task.window, task.language):
            lines = item.lines if who == owner else [each.clause.line for each in clauses]
            text = _text(clauses, who, task)
            yield Draft(item.kind, text, who, _due(text, lines, task), _evidence(lines, task))


def _evidence(lines: Iterable[int], task: WindowTask) -> tuple[int, ...]:
    return tuple(dict.fromkeys(task.window[line].id for line in lines))


def _due(text: str, lines: Iterable[int], task: WindowTask) -> str | None:
    """When a task is due, as *text* or else its *lines* say it."""
    said = " ".join(task.window[line].text for line in lines)
    return find_due(text, task.language) or find_due(said, task.language)


def _text(chosen: Sequence[WeighedClause], owner: str | None, task: WindowTask) -> str:
    """What *chosen* say. A speaker other than *owner* who speaks of himself is named, else nobody knows who `I` is."""
    told = []
    for line, clauses in groupby((each.clause for each in chosen), key=lambda clause: clause.line):
        text, speaker = joined(list(clauses), task.language), task.window[line].speaker
        if speaker and speaker == owner and task.language == ENGLISH:
            text = as_task(text)
        elif speaker and speaker != owner and speaks_of_self(text, task.language):
            text = f"{speaker}: {text}"
        told.append(text)
    return " ".join(told)


def _people(task: WindowTask) -> frozenset[str]:
    """Where speakers are known, they are the people. Names that are only mentioned are guesses."""
    speakers = frozenset(line.speaker for line in task.window if line.speaker)
    return speakers | task.people if speakers else find_people(statements(task.window)) | task.people


def _shown(found: Sequence[FoundItem]) -> list[FoundItem]:
    """*found* with the surest points only, and without open questions: nine of ten that it finds are none."""
    points = sorted((item for item in found if item.kind is ItemKind.POINT), key=lambda item: -item.probability)
    hidden = [*points[POINTS_LIMIT:], *(item for item in found if item.kind is ItemKind.QUESTION)]
    return [item for item in found if item not in hidden]


def _is_plain(draft: Draft) -> bool:
    """Whether rules put it best: a phrase of deciding, or a task that was given by name."""
    by_name = draft.owner is not None and not draft.text.startswith(f"{draft.owner} will ")
    return draft.kind is ItemKind.DECISION or by_name


def _free(
    found: Iterable[FoundItem], taken: Collection[tuple[ItemKind, int]], window: Sequence[SpokenSegment]
) -> Iterator[FoundItem]:
    """*found* without the lines that are *taken* for its kind. Without its main line an item goes."""
    for item in found:
        if (item.kind, window[item.main].id) not in taken:
            yield replace(item, lines=tuple(at for at in item.lines if (item.kind, window[at].id) not in taken))


def _missed(phrased: Iterable[Draft], drafts: Iterable[Draft]) -> Iterator[Draft]:
    """The drafts of *phrased* that rules are sure of, and those in lines of which *drafts* say nothing of that kind."""
    known = {(draft.kind, key) for draft in drafts for key in draft.evidence}
    for draft in phrased:
        if _is_plain(draft) or known.isdisjoint((draft.kind, key) for key in draft.evidence):
            yield draft
