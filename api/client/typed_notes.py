"""The client's requests for typed notes."""

from __future__ import annotations

from typing import Any

from api.client.corrections import if_match
from api.client.http import Http
from schema.typed_notes.wire import NewTypedNote, TypedNoteOut, TypedNotes


async def typed_notes(http: Http, meeting_id: str) -> list[TypedNoteOut]:
    """All typed notes of a meeting, in order of their moments."""
    return TypedNotes.model_validate_json((await http.call("GET", _path(meeting_id))).content).typed_notes


async def type_note(http: Http, meeting_id: str, note: NewTypedNote) -> TypedNoteOut:
    answer = await http.call("POST", _path(meeting_id), json=note.model_dump(mode="json"))
    return TypedNoteOut.model_validate_json(answer.content)


async def change_typed_note(
    http: Http, meeting_id: str, note_id: int, changes: dict[str, Any], version: int | None = None
) -> TypedNoteOut:
    """Change `text`, `at_s` or `person`. Raises VersionMismatch if the note is not at *version*."""
    path = f"{_path(meeting_id)}/{note_id}"
    answer = await http.call("PATCH", path, json=changes, headers=if_match(version))
    return TypedNoteOut.model_validate_json(answer.content)


async def delete_typed_note(http: Http, meeting_id: str, note_id: int) -> None:
    await http.call("DELETE", f"{_path(meeting_id)}/{note_id}")


def _path(meeting_id: str) -> str:
    return f"/v1/meetings/{meeting_id}/typed-notes"
