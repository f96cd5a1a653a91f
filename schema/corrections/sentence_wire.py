"""Wire types of the routes that correct minutes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from schema.core.states import Origin
from schema.core.wire import Characters, Shown, Text, Wire
from schema.minutes.minutes import MinutesPart

TEXT_CHARACTERS = 2000
"""Limit for a sentence of the minutes."""
ShortLine = Annotated[Text, Characters(100)]


class SentenceChange(Wire):
    """A change of a sentence. Omitted fields keep their values. Empty `text` removes the sentence from the minutes.

    Only actions have `owner` and `due`. Null means that no person or time is named.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "The launch moves to Monday."}, {"owner": "Priya", "due": "Thursday"}]}
    )
    text: Annotated[Text, Characters(TEXT_CHARACTERS)] = ""
    owner: ShortLine | None = None
    due: ShortLine | None = None


class SentenceOut(Wire):
    """A sentence or action of the final minutes, and the part that it belongs to.

    `due_on` is the day that `due` means, if it means one. After a change, `support` is 0 until the minutes are written
    again, some seconds later.
    """

    id: str
    part: MinutesPart
    text: Shown
    owner: Shown | None = None
    due: Shown | None = None
    due_on: date | None = None
    evidence: list[int] = Field(default_factory=list)
    support: float
    supported: bool
    version: int
    corrected: bool


class SentenceVersion(Wire):
    """One version of a sentence. `model` wrote version 1; `author`, the id of a key, wrote the others."""

    version: int
    text: Shown
    owner: Shown | None = None
    due: Shown | None = None
    author: str | None = None
    model: str | None = None
    origin: Origin | None = None
    created_at: datetime | None = None


class SentenceVersions(Wire):
    """Oldest first; the last version is in force."""

    sentence_id: str
    versions: list[SentenceVersion]
