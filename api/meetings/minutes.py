"""Routes of minutes, and of the notes from which they are made."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.access import find_meeting
from api.auth.bearer import Reader
from api.http import examples
from api.http.problems import responses
from api.meetings.routes import ANY
from api.services import ServicesHere
from schema.core.errors import Gone, NotFound
from schema.core.states import SummaryKind
from schema.meetings.tables import Note, Summary
from schema.meetings.views import minutes_out, note_out
from schema.meetings.wire import (
    MinutesOut,
    NotesOut,
)

VERSION_LIMIT = 2**31 - 1
"""The largest number that the column holds."""

router = APIRouter(prefix="/v1/meetings/{meeting_id}", tags=["content"], responses=responses(*ANY, NotFound, Gone))


@router.get("/minutes", summary="Show the minutes", responses=examples.response(examples.MINUTES))
def minutes(
    meeting_id: str,
    services: ServicesHere,
    principal: Reader,
    kind: Annotated[SummaryKind | None, Query(description="By default the final minutes, if there are any")] = None,
    version: Annotated[int | None, Query(ge=1, le=VERSION_LIMIT, description="By default the latest")] = None,
) -> MinutesOut:
    """Show the minutes. Each sentence names the segments that are its evidence, and whether they support it."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        found = read_minutes(session, meeting_id, kind, version)
    if found is None:
        which = " ".join(filter(None, [kind, "minutes", f"of version {version}" if version else None]))
        raise NotFound(f"meeting '{meeting_id}' has no {which} yet; an event announces new minutes")
    return found


@router.get("/notes", summary="Show the notes", responses=examples.response(examples.NOTES))
def notes(meeting_id: str, services: ServicesHere, principal: Reader) -> NotesOut:
    """Show the notes from which the minutes are made, in order."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        wanted = select(Note).where(Note.meeting_id == meeting_id).order_by(Note.ordinal)
        return NotesOut(notes=[note_out(note) for note in session.scalars(wanted)])


def read_minutes(
    session: Session, meeting_id: str, kind: SummaryKind | None = None, version: int | None = None
) -> MinutesOut | None:
    """The minutes of *kind* and *version*: by default the final ones before the rolling ones, and the latest."""
    wanted = select(Summary).where(Summary.meeting_id == meeting_id)
    if kind is not None:
        wanted = wanted.where(Summary.kind == kind)
    if version is not None:
        wanted = wanted.where(Summary.version == version)
    final_first = (Summary.kind != SummaryKind.FINAL, Summary.version.desc())
    summary = session.scalar(wanted.order_by(*final_first).limit(1))
    if summary is None:
        return None
    return minutes_out(session, summary)
