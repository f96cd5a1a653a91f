"""The client's requests for passages off the record."""

from __future__ import annotations

from api.client.http import Http
from schema.off_record.wire import OffRecordList, OffRecordOut


async def off_record(http: Http, meeting_id: str) -> list[OffRecordOut]:
    """All passages off the record, in order of time."""
    return OffRecordList.model_validate_json((await http.call("GET", _path(meeting_id))).content).off_record


async def mark_off_record(
    http: Http, meeting_id: str, start_s: float | None = None, end_s: float | None = None
) -> OffRecordOut:
    """Take a passage out of the minutes, by default from now on."""
    answer = await http.call("POST", _path(meeting_id), json={"start_s": start_s, "end_s": end_s})
    return OffRecordOut.model_validate_json(answer.content)


async def end_off_record(http: Http, meeting_id: str, passage_id: int, end_s: float | None = None) -> OffRecordOut:
    """End an open passage, by default now."""
    answer = await http.call("PATCH", f"{_path(meeting_id)}/{passage_id}", json={"end_s": end_s})
    return OffRecordOut.model_validate_json(answer.content)


async def lift_off_record(http: Http, meeting_id: str, passage_id: int) -> None:
    """Put a marked passage on the record again."""
    await http.call("DELETE", f"{_path(meeting_id)}/{passage_id}")


def _path(meeting_id: str) -> str:
    return f"/v1/meetings/{meeting_id}/off-record"
