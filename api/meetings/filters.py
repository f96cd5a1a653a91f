"""Which meetings a list holds: by state, by the day on which they began, and by their title or people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import Depends, Query
from sqlalchemy import ColumnElement, String, cast, exists, func, or_
from sqlalchemy.orm import InstrumentedAttribute

from schema.core.errors import InvalidInput
from schema.core.states import MeetingState
from schema.meetings.tables import Meeting, Track
from schema.speakers.tables import Person

TEXT_CHARACTERS = 100
_ESCAPE = "\\"
TextColumn = ColumnElement[str] | InstrumentedAttribute[str] | InstrumentedAttribute[str | None]


def meeting_filter(
    state: Annotated[list[MeetingState] | None, Query(description="Only meetings in one of these states")] = None,
    since: Annotated[date | None, Query(description="Only meetings that began on this day or later")] = None,
    until: Annotated[date | None, Query(description="Only meetings that began on this day or earlier")] = None,
    text: Annotated[
        str | None,
        Query(max_length=TEXT_CHARACTERS, description="A part of the title, or of the name of a person or speaker"),
    ] = None,
) -> list[ColumnElement[bool]]:
    """The conditions of a request. Days are those of the server's zone. Raises InvalidInput."""
    if since is not None and until is not None and until < since:
        raise InvalidInput(f"until {until} is before since {since}; give a later day, or leave one out")
    began = func.coalesce(Meeting.recorded_at, Meeting.created_at)
    conditions: list[ColumnElement[bool]] = []
    if state:
        conditions.append(Meeting.state.in_(state))
    if since is not None:
        conditions.append(began >= _beginning(since))
    if until is not None and until < date.max:
        conditions.append(began < _beginning(until + timedelta(days=1)))
    if text is not None and text.strip():
        conditions.append(_mentions(text.strip().replace("\0", " ")))
    return conditions


MeetingFilter = Annotated[list[ColumnElement[bool]], Depends(meeting_filter)]


def _beginning(day: date) -> datetime:
    try:
        return datetime.combine(day, time()).astimezone()
    except (OverflowError, ValueError) as error:
        raise InvalidInput(f"{day} is no day of a meeting; give one such as {date(2026, 3, 2)}") from error


def _mentions(text: str) -> ColumnElement[bool]:
    """Whether the title, a participant, the speaker of a track, or a person told apart by voice contains *text*."""
    speaker = exists().where(Track.meeting_id == Meeting.id, or_(*_contains(Track.speaker, text)))
    person = exists().where(Person.meeting_id == Meeting.id, or_(*_contains(Person.name, text)))
    # The list is stored as JSON, which writes letters such as ü as escapes.
    participants = (_like(cast(Meeting.participants, String), json.dumps(each)[1:-1]) for each in _cases(text))
    return or_(*_contains(Meeting.title, text), *participants, speaker, person)


def _contains(column: TextColumn, text: str) -> list[ColumnElement[bool]]:
    return [_like(column, each) for each in _cases(text)]


def _cases(text: str) -> Iterator[str]:
    """*text* as it may be written. SQLite ignores the case of ASCII letters only."""
    yield from dict.fromkeys((text, text.lower(), text.upper(), text.title()))


def _like(column: TextColumn, text: str) -> ColumnElement[bool]:
    escaped = "".join(f"{_ESCAPE}{each}" if each in f"%_{_ESCAPE}" else each for each in text)
    return column.ilike(f"%{escaped}%", escape=_ESCAPE)
