"""The route that exports a meeting as a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from api.auth.access import find_meeting
from api.auth.bearer import Reader
from api.auth.keys import Principal
from api.export.documents import Export, ExportFormat, to_json, to_markdown, to_text
from api.export.docx import to_docx
from api.export.subtitles import to_srt, to_vtt
from api.http import examples
from api.http.problems import responses
from api.meetings.minutes import VERSION_LIMIT, read_minutes
from api.meetings.routes import ANY, meeting_out
from api.meetings.transcript import read_segments
from api.services import Services, ServicesHere
from schema.core.errors import Gone, NotFound
from schema.core.states import SummaryKind
from schema.meetings.tables import Meeting
from schema.typed_notes.notes import typed_note_out, typed_notes_of

WRITERS: dict[ExportFormat, tuple[Callable[[Export], str | bytes], str]] = {
    ExportFormat.MD: (to_markdown, "text/markdown; charset=utf-8"),
    ExportFormat.JSON: (to_json, "application/json"),
    ExportFormat.TXT: (to_text, "text/plain; charset=utf-8"),
    ExportFormat.SRT: (to_srt, "application/x-subrip; charset=utf-8"),
    ExportFormat.VTT: (to_vtt, "text/vtt; charset=utf-8"),
    ExportFormat.DOCX: (to_docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
}
EXAMPLES: dict[str, dict[str, Any]] = {
    media_type: {} if form == ExportFormat.DOCX else {"example": write(examples.EXPORT)}
    for form, (write, media_type) in WRITERS.items()
}
EXAMPLES[WRITERS[ExportFormat.JSON][1]] = {"example": examples.EXPORT.model_dump(mode="json")}
"""Examples for the API reference, by media type. A DOCX file cannot be shown."""

NOT_IN_FILE_NAMES = frozenset('\\/:*?"<>|')
NAME_CHARACTERS = 60
"""With its extension the name stays below 255 bytes, the limit of file systems, in every script."""

router = APIRouter(prefix="/v1/meetings/{meeting_id}", tags=["content"], responses=responses(*ANY, NotFound, Gone))


@router.get("/export", summary="Export a meeting", responses={200: {"content": EXAMPLES}})
def export(
    meeting_id: str,
    services: ServicesHere,
    principal: Reader,
    form: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.MD,
    minutes: Annotated[
        int | None,
        Query(ge=1, le=VERSION_LIMIT, description="The version of the final minutes; the latest if left out"),
    ] = None,
) -> Response:
    """Export minutes, transcript and coverage as Markdown, JSON, text or DOCX, or the transcript as subtitles.

    The file has the title of the meeting as its name.
    """
    write, media_type = WRITERS[form]
    found = _read_export(services, meeting_id, principal, minutes)
    headers = {"Content-Disposition": attachment(found.meeting.id, found.meeting.title, form.value)}
    return Response(write(found), media_type=media_type, headers=headers)


def attachment(meeting_id: str, title: str, extension: str) -> str:
    """The `Content-Disposition` of an export (RFC 6266): the title in UTF-8, and a plain name for old clients."""
    plain = f"meeting-{meeting_id}"
    characters = ("-" if char in NOT_IN_FILE_NAMES else char for char in " ".join(title.split()) if char.isprintable())
    name = "".join(characters)[:NAME_CHARACTERS].strip(" .") or plain
    return f"attachment; filename=\"{plain}.{extension}\"; filename*=UTF-8''{quote(f'{name}.{extension}', safe='')}"


def _read_export(services: Services, meeting_id: str, principal: Principal, version: int | None) -> Export:
    with services.database.read() as session:
        meeting: Meeting = find_meeting(session, meeting_id, principal)
        minutes = read_minutes(session, meeting_id, None if version is None else SummaryKind.FINAL, version)
        if minutes is None and version is not None:
            raise NotFound(f"meeting '{meeting_id}' has no final minutes of version {version}; leave the version out")
        return Export(
            meeting=meeting_out(session, services.stores.mailbox, meeting),
            minutes=minutes,
            typed_notes=[typed_note_out(note) for note in typed_notes_of(session, meeting_id)],
            segments=read_segments(session, meeting_id),
        )
