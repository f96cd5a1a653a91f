"""The client's requests for the people of a meeting."""

from __future__ import annotations

from typing import Any

from api.client.http import Http
from schema.speakers.wire import PeopleOut, SplitSegments


async def people(http: Http, meeting_id: str) -> PeopleOut:
    return PeopleOut.model_validate_json((await http.call("GET", f"/v1/meetings/{meeting_id}/people")).content)


async def change_person(http: Http, meeting_id: str, number: int, changes: dict[str, Any]) -> PeopleOut:
    """Change `name`, `same_as` or both. None takes it back."""
    answer = await http.call("PATCH", f"/v1/meetings/{meeting_id}/people/{number}", json=changes)
    return PeopleOut.model_validate_json(answer.content)


async def split_segment(http: Http, meeting_id: str, segment_id: int, word: int, speaker: str | None) -> SplitSegments:
    """Let somebody else begin to speak at word number *word* of a segment, from 1."""
    path = f"/v1/meetings/{meeting_id}/segments/{segment_id}/split"
    answer = await http.call("POST", path, json={"word": word, "speaker": speaker})
    return SplitSegments.model_validate_json(answer.content)


async def rejoin_segment(http: Http, meeting_id: str, segment_id: int) -> SplitSegments:
    """Join a segment that was split off to the one before it again."""
    answer = await http.call("DELETE", f"/v1/meetings/{meeting_id}/segments/{segment_id}/split")
    return SplitSegments.model_validate_json(answer.content)
