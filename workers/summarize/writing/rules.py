"""Writes notes by rules alone: central sentences as they were said, English decisions and tasks by their phrases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from schema.core.wire import ENGLISH
from schema.core.words import count_words
from schema.minutes.ledger import ItemKind
from workers.summarize.text.disfluency import told
from workers.summarize.text.salience import pick
from workers.summarize.text.segment import Statement, statements
from workers.summarize.text.topics import topic
from workers.summarize.writing.actions import find_action_items
from workers.summarize.writing.decisions import decision_text, find_decisions
from workers.summarize.writing.people import find_people
from workers.summarize.writing.writer import Draft, NoteDraft, WindowTask

WORDS_PER_SENTENCE = 80
SENTENCES_LIMIT = 5


class RulesWriter:
    """A writer without a model."""

    def note(self, task: WindowTask) -> NoteDraft:
        said = statements(task.window)
        found = list(decisions_and_tasks(said, task))
        taken = {segment for draft in found for segment in draft.evidence}
        free = [statement for statement in said if taken.isdisjoint(statement.segments)]
        points = [_point(statement, task.language) for statement in salient(free, said, task.language)]
        return NoteDraft(title_of(said, task), (*points, *found))


def title_of(said: Sequence[Statement], task: WindowTask) -> str:
    """What *said* is about; empty if no word tells."""
    speakers = {statement.speaker for statement in said if statement.speaker}
    return topic([statement.text for statement in said], task.language, task.people | speakers)


def decisions_and_tasks(said: Sequence[Statement], task: WindowTask) -> Iterator[Draft]:
    """What English phrases of deciding and promising mark. Nothing in other languages."""
    if task.language != ENGLISH:
        return
    for at in find_decisions(said):
        yield Draft(ItemKind.DECISION, decision_text(said[at]), evidence=said[at].segments)
    for found in find_action_items(said, find_people(said) | task.people):
        segments = tuple(dict.fromkeys(segment for at in found.said_in for segment in said[at].segments))
        yield Draft(ItemKind.ACTION, found.text, found.owner, found.due, segments)


def salient(free: Sequence[Statement], said: Collection[Statement], language: str) -> list[Statement]:
    """The most salient statements of *free*: more of them the more was *said*."""
    total = sum(count_words(statement.text) for statement in said)
    count = min(max(2, total // WORDS_PER_SENTENCE), SENTENCES_LIMIT)
    return [free[at] for at in pick([statement.text for statement in free], count, language)]


def _point(statement: Statement, language: str) -> Draft:
    text = told(statement) if language == ENGLISH else statement.text
    return Draft(ItemKind.POINT, text, evidence=statement.segments)
