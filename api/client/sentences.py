"""Corrections of minutes, as a client asks for them."""

from __future__ import annotations

from api.client.corrections import if_match
from api.client.http import Http
from schema.corrections.sentence_wire import SentenceOut, SentenceVersions


async def correct_sentence(
    http: Http, meeting_id: str, sentence_id: str, wanted: dict[str, str | None], version: int | None = None
) -> SentenceOut:
    """Change `text`, `owner` or `due`; with *version* only if the sentence is at it. Raises VersionMismatch."""
    answer = await http.call("PATCH", _path(meeting_id, sentence_id), json=wanted, headers=if_match(version))
    return SentenceOut.model_validate_json(answer.content)


async def undo_sentence(http: Http, meeting_id: str, sentence_id: str, version: int | None = None) -> SentenceOut:
    path = f"{_path(meeting_id, sentence_id)}/correction"
    return SentenceOut.model_validate_json((await http.call("DELETE", path, headers=if_match(version))).content)


async def sentence_versions(http: Http, meeting_id: str, sentence_id: str) -> SentenceVersions:
    answer = await http.call("GET", f"{_path(meeting_id, sentence_id)}/versions")
    return SentenceVersions.model_validate_json(answer.content)


def _path(meeting_id: str, sentence_id: str) -> str:
    return f"/v1/meetings/{meeting_id}/minutes/sentences/{sentence_id}"
