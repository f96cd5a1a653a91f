"""Corrections of minutes as they cross the doors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from schema.core.wire import Wire
from schema.corrections.segments import Origin
from schema.corrections.wire import OneLine
from schema.meetings.minutes import MinutesPart

TEXT_CHARACTERS = 2000
"""Of a sentence of the minutes."""
ShortLine = Annotated[OneLine, StringConstraints(max_length=100)]


class SentenceChange(Wire):
    """What a sentence should say; with empty text it is not in the minutes. What is left out stays.

    `owner` and `due` belong to actions; null where nobody is named, or no time.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "The launch moves to Monday."}, {"owner": "Priya", "due": "Thursday"}]}
    )
    text: Annotated[OneLine, StringConstraints(max_length=TEXT_CHARACTERS)] = ""
    owner: ShortLine | None = None
    due: ShortLine | None = None


class SentenceOut(Wire):
    """A sentence of the final minutes, or an action, and where it stands.

    After a change it rests on nothing until the minutes are made again, some seconds later.
    """

    id: str
    part: MinutesPart
    text: str
    owner: str | None = None
    due: str | None = None
    evidence: list[int] = Field(default_factory=list)
    support: float
    supported: bool
    version: int
    corrected: bool


class SentenceVersion(Wire):
    """What a sentence said at one time. Version 1 is what `model` wrote; the others are by `author`, a key's id."""

    version: int
    text: str
    owner: str | None = None
    due: str | None = None
    author: str | None = None
    model: str | None = None
    origin: Origin | None = None
    created_at: datetime | None = None


class SentenceVersions(Wire):
    """The oldest first; the last one is in force."""

    sentence_id: str
    versions: list[SentenceVersion]
