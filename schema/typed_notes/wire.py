"""Wire types of the routes for typed notes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from schema.core.units import MEETING_LIMIT_SAMPLES, s_of_samples
from schema.core.wire import Characters, Shown, Text, Wire
from schema.minutes.briefing import PersonName

TypedText = Annotated[Text, Characters(1000, least=1)]
Moment = Annotated[float, Field(ge=0, le=s_of_samples(MEETING_LIMIT_SAMPLES))]
"""Seconds since the start of the meeting."""


class NewTypedNote(Wire):
    """A note at the moment `at_s`, by default now. `person` is the name of whoever typed it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Budget: ask finance first", "person": "Mia"}]})
    text: TypedText
    at_s: Moment | None = None
    person: PersonName | None = None


class TypedNoteChange(Wire):
    """A change of a typed note. Omitted fields keep their values. `person` null means that nobody is named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Budget: finance agrees"}, {"at_s": 12.5}]})
    text: TypedText | None = None
    at_s: Moment | None = None
    person: PersonName | None = None


class TypedNoteOut(Wire):
    """A note as a person typed it. `author` is the id of the key that was used. `version` counts its changes."""

    id: int
    at_s: float
    text: Shown
    person: Shown | None
    author: str
    version: int
    created_at: datetime


class TypedNotes(Wire):
    """In order of their moments."""

    typed_notes: list[TypedNoteOut]
