"""Invented meetings, and what a good minute-taker must have from each of them.

A meeting is a JSON file with `turns` and `gold`: decisions, actions, facts, questions, and traps, which are false
statements that a careless summary makes. A sentence of minutes meets an item if it holds a word of every group of the
item's `must`. That can be counted without a judge, but a list of key words fools it, so the minutes must be read too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schema.core.errors import InvalidData
from schema.core.units import SAMPLE_RATE_HZ, samples_of_s
from training.data.invented_meetings import InventedItem, InventedKind, InventedMeeting
from workers.summarize.text.segment import SpokenSegment

WORD_S = 0.36
PAUSE_S = 0.4


class GoldRecord(BaseModel):
    model_config = ConfigDict(frozen=True)


class GoldTurn(GoldRecord):
    i: int
    speaker: str
    text: str


class GoldItem(GoldRecord):
    id: str
    text: str
    evidence: tuple[int, ...]
    must: tuple[tuple[str, ...], ...] = Field(min_length=1)

    def is_met_by(self, text: str) -> bool:
        low = text.lower().replace("’", "'")
        return all(any(re.search(rf"(?<!\w){re.escape(word.lower())}", low) for word in group) for group in self.must)


class GoldAction(GoldItem):
    owner: str | None = None
    due: str | None = None


class Trap(GoldItem):
    """A false statement. It is not made by a sentence with a word of `unless`, nor outside of `section`."""

    section: str
    unless: tuple[str, ...] = ()

    def is_made_by(self, text: str) -> bool:
        return self.is_met_by(text) and not any(word.lower() in text.lower() for word in self.unless)


class Gold(GoldRecord):
    decisions: tuple[GoldItem, ...]
    actions: tuple[GoldAction, ...]
    facts: tuple[GoldItem, ...]
    questions: tuple[GoldItem, ...]
    traps: tuple[Trap, ...]


class GoldMeeting(GoldRecord):
    id: str
    language: str
    date: str
    turns: tuple[GoldTurn, ...]
    gold: Gold

    def segments(self, *, speakers: bool = True) -> list[SpokenSegment]:
        """The turns as segments, spoken at an even pace. Their ids are the numbers of the turns."""
        found, at = [], 0
        for turn in self.turns:
            end = at + samples_of_s(len(turn.text.split()) * WORD_S)
            found.append(SpokenSegment(turn.i, turn.speaker if speakers else None, at, end, turn.text))
            at = end + int(PAUSE_S * SAMPLE_RATE_HZ)
        return found

    @property
    def words(self) -> int:
        return sum(len(turn.text.split()) for turn in self.turns)


def of_invented(meeting: InventedMeeting) -> GoldMeeting:
    """An invented meeting that has key words."""

    def plain(item: InventedItem) -> dict[str, Any]:
        return {"id": item.id, "text": item.text, "evidence": item.evidence, "must": meeting.must[item.id]}

    def trap(item: InventedItem) -> Trap:
        return Trap(**plain(item), section=item.section or "any", unless=meeting.unless.get(item.id, ()))

    return GoldMeeting(
        id=meeting.id,
        language=meeting.language,
        date=meeting.held_on.isoformat(),
        turns=tuple(GoldTurn(i=turn.id, speaker=turn.speaker or "", text=turn.text) for turn in meeting.turns),
        gold=Gold(
            decisions=tuple(GoldItem(**plain(item)) for item in meeting.of(InventedKind.DECISION)),
            actions=tuple(
                GoldAction(**plain(item), owner=item.owners[0] if item.owners else None, due=item.due)
                for item in meeting.of(InventedKind.ACTION)
            ),
            facts=tuple(GoldItem(**plain(item)) for item in meeting.of(InventedKind.FACT)),
            questions=tuple(GoldItem(**plain(item)) for item in meeting.of(InventedKind.QUESTION)),
            traps=tuple(trap(item) for item in meeting.of(InventedKind.FALSE)),
        ),
    )


def read_gold(folder: Path) -> list[GoldMeeting]:
    """The meetings of *folder*. Raises InvalidData."""
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InvalidData(f"There is no meeting in {folder}. Name a folder with files such as standup-overrun.json.")
    try:
        return [GoldMeeting.model_validate_json(path.read_bytes()) for path in files]
    except (OSError, ValidationError) as error:
        raise InvalidData(f"A meeting in {folder} cannot be read: {error}") from error
