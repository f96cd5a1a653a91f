"""Routes of typed notes: people write down what matters to them while a meeting goes on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path, Response
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from api.auth.access import find_meeting
from api.auth.bearer import Reader, Writer
from api.http import examples
from api.http.params import ID_LIMIT, IfMatch, etag_of, expected_version
from api.http.problems import responses
from api.meetings.coverage import moment
from api.meetings.routes import ANY
from api.services import Services, ServicesHere
from schema.core.errors import Conflict, Gone, InvalidInput, NotFound, VersionMismatch
from schema.corrections.segments import QUIET_MS, quiet_key
from schema.typed_notes.notes import (
    TypedNote,
    add_typed_note,
    change_typed_note,
    delete_typed_note,
    typed_note_out,
    typed_notes_of,
)
from schema.typed_notes.wire import NewTypedNote, TypedNoteChange, TypedNoteOut, TypedNotes

TypedNoteId = Annotated[int, Path(ge=1, le=ID_LIMIT)]

router = APIRouter(
    prefix="/v1/meetings/{meeting_id}/typed-notes", tags=["typed notes"], responses=responses(*ANY, NotFound, Gone)
)


@router.get("", summary="List the typed notes", responses=examples.response(examples.TYPED_NOTES))
def list_typed_notes(meeting_id: str, services: ServicesHere, principal: Reader) -> TypedNotes:
    """List the notes that people typed, in order of their moments."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        return TypedNotes(typed_notes=[typed_note_out(note) for note in typed_notes_of(session, meeting_id)])


@router.post(
    "",
    summary="Type a note",
    status_code=201,
    responses={**responses(InvalidInput, Conflict), **examples.response(examples.TYPED_NOTE, 201)},
)
def add(
    meeting_id: str, new: NewTypedNote, services: ServicesHere, principal: Writer, answer: Response
) -> TypedNoteOut:
    """Add a note at a moment of the meeting. Without `at_s` it is the moment up to which audio has been received.

    Minutes and exports show the note as it was typed. The minutes keep what the meeting says about it, and are written
    again a few seconds later if that part of them is written already.
    """
    with services.database.read() as session:
        meeting = find_meeting(session, meeting_id, principal)
        at_sample = moment(session, services.stores.mailbox, meeting, "at_s", new.at_s)

    def work(session: Session) -> TypedNote:
        return add_typed_note(session, meeting_id, new.text, at_sample, new.person, principal.owner)

    return _written(services, meeting_id, work, answer)


@router.patch(
    "/{note_id}",
    summary="Change a typed note",
    responses={**responses(InvalidInput, VersionMismatch), **examples.response(examples.TYPED_NOTE)},
)
def change(
    meeting_id: str,
    note_id: TypedNoteId,
    wanted: TypedNoteChange,
    services: ServicesHere,
    principal: Writer,
    answer: Response,
    if_match: IfMatch = None,
) -> TypedNoteOut:
    """Change text, moment or name of a note. A request that changes nothing adds no version."""
    given = wanted.model_dump(exclude_unset=True)
    values = {name: value for name, value in given.items() if value is not None or name == "person"}
    if not values:
        raise InvalidInput("nothing would change; give 'text', 'at_s' or 'person'")
    expected = expected_version(if_match)
    with services.database.read() as session:
        meeting = find_meeting(session, meeting_id, principal)
        if "at_s" in values:
            values["at_sample"] = moment(session, services.stores.mailbox, meeting, "at_s", values.pop("at_s"))

    def work(session: Session) -> TypedNote:
        return change_typed_note(session, meeting_id, note_id, values, expected)

    return _written(services, meeting_id, work, answer)


@router.delete("/{note_id}", summary="Delete a typed note", status_code=204)
def remove(meeting_id: str, note_id: TypedNoteId, services: ServicesHere, principal: Writer) -> Response:
    """Delete a note for good, also from the minutes and exports that show it."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
    with services.database.write() as session:
        delete_typed_note(session, meeting_id, note_id)
    return Response(status_code=204)


def _written(
    services: Services, meeting_id: str, work: Callable[[Session], TypedNote], answer: Response
) -> TypedNoteOut:
    with services.database.write() as session:
        note = typed_note_out(work(session))
    with suppress(RedisError):  # without Redis, the minutes are written again a little sooner, which does no harm
        services.stores.redis.set(quiet_key(meeting_id), 1, px=QUIET_MS)
    answer.headers["ETag"] = etag_of(note.version)
    return note
