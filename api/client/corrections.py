"""The client's requests for corrections and versions."""

from __future__ import annotations

from typing import Any

from api.client.http import Http
from schema.core.errors import NotFound
from schema.corrections.sentence_wire import SentenceOut, SentenceVersions
from schema.corrections.wire import (
    CorrectionOut,
    CorrectionPage,
    MeetingVersions,
    Reprocessed,
    SegmentVersions,
    SpeakerChanged,
)
from schema.meetings.wire import MeetingOut, SegmentOut, Transcript


async def correct_segment(
    http: Http, meeting_id: str, segment_id: int, changes: dict[str, str | None], version: int | None = None
) -> SegmentOut:
    """Change `text`, `speaker` or both. Raises VersionMismatch if the segment is not at *version*."""
    answer = await http.call("PATCH", _segment(meeting_id, segment_id), json=changes, headers=if_match(version))
    return SegmentOut.model_validate_json(answer.content)


async def undo_corrections(http: Http, meeting_id: str, segment_id: int, version: int | None = None) -> SegmentOut:
    path = f"{_segment(meeting_id, segment_id)}/correction"
    return SegmentOut.model_validate_json((await http.call("DELETE", path, headers=if_match(version))).content)


async def segment_versions(http: Http, meeting_id: str, segment_id: int) -> SegmentVersions:
    answer = await http.call("GET", f"{_segment(meeting_id, segment_id)}/versions")
    return SegmentVersions.model_validate_json(answer.content)


async def rename_speaker(
    http: Http, meeting_id: str, speaker: str | None, new_speaker: str | None, track: str | None = None
) -> SpeakerChanged:
    changes = {"speaker": speaker, "new_speaker": new_speaker, "track": track}
    answer = await http.call("PATCH", f"/v1/meetings/{meeting_id}/speakers", json=changes)
    return SpeakerChanged.model_validate_json(answer.content)


async def segments(http: Http, meeting_id: str) -> list[SegmentOut]:
    answer = await http.call("GET", f"/v1/meetings/{meeting_id}/transcript")
    return Transcript.model_validate_json(answer.content).segments


async def corrections(http: Http, meeting_id: str) -> list[CorrectionOut]:
    """All corrections, oldest first."""
    found: list[CorrectionOut] = []
    cursor: int | None = None
    while True:
        query = {"cursor": cursor} if cursor else {}
        answer = await http.call("GET", f"/v1/meetings/{meeting_id}/corrections", params=query)
        page = CorrectionPage.model_validate_json(answer.content)
        found += page.corrections
        cursor = page.next_cursor
        if cursor is None:
            return found


async def reprocess(http: Http, meeting_id: str, changes: dict[str, Any]) -> Reprocessed:
    answer = await http.call("POST", f"/v1/meetings/{meeting_id}/reprocess", json=changes)
    return Reprocessed.model_validate_json(answer.content)


async def meeting_versions(http: Http, meeting_id: str) -> list[MeetingOut]:
    """All versions, oldest first."""
    answer = await http.call("GET", f"/v1/meetings/{meeting_id}/versions")
    return MeetingVersions.model_validate_json(answer.content).versions


async def find_version(http: Http, meeting_id: str, version: int) -> MeetingOut:
    """The version with this number. Raises NotFound."""
    found = await meeting_versions(http, meeting_id)
    chosen = next((each for each in found if each.version == version), None)
    if chosen is None:
        available = ", ".join(str(each.version) for each in found)
        raise NotFound(f"meeting '{meeting_id}' has no version {version}; its versions are: {available}")
    return chosen


async def show_version(http: Http, meeting_id: str) -> MeetingOut:
    return MeetingOut.model_validate_json((await http.call("POST", f"/v1/meetings/{meeting_id}/show")).content)


def _segment(meeting_id: str, segment_id: int) -> str:
    return f"/v1/meetings/{meeting_id}/segments/{segment_id}"


def if_match(version: int | None) -> dict[str, str]:
    """The header of a change that fails unless the changed item is at *version*."""
    return {} if version is None else {"If-Match": f'"{version}"'}


async def correct_sentence(
    http: Http, meeting_id: str, sentence_id: str, changes: dict[str, str | None], version: int | None = None
) -> SentenceOut:
    """Change `text`, `owner` or `due`. Raises VersionMismatch if the sentence is not at *version*."""
    answer = await http.call("PATCH", _path(meeting_id, sentence_id), json=changes, headers=if_match(version))
    return SentenceOut.model_validate_json(answer.content)


async def undo_sentence(http: Http, meeting_id: str, sentence_id: str, version: int | None = None) -> SentenceOut:
    path = f"{_path(meeting_id, sentence_id)}/correction"
    return SentenceOut.model_validate_json((await http.call("DELETE", path, headers=if_match(version))).content)


async def sentence_versions(http: Http, meeting_id: str, sentence_id: str) -> SentenceVersions:
    answer = await http.call("GET", f"{_path(meeting_id, sentence_id)}/versions")
    return SentenceVersions.model_validate_json(answer.content)


def _path(meeting_id: str, sentence_id: str) -> str:
    return f"/v1/meetings/{meeting_id}/minutes/sentences/{sentence_id}"
