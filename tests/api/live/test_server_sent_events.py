"""Server-sent events."""

from __future__ import annotations

import pytest

from schema.core.events import publish
from schema.core.states import MeetingState
from tests.api.conftest import Api
from tests.api.database_rows import add_minutes, add_segment, move
from tests.api.sockets import event_stream


def test_rows_carry_their_sequence_number_as_id_and_the_stream_ends_with_the_meeting(api: Api) -> None:
    meeting = api.create()
    add_segment(api.database, meeting, "Good morning.")
    with event_stream(api, meeting) as stream:
        segment = next(stream)
        assert (segment["event"], segment["id"]) == ("segment", "1")
        assert segment["data"]["text"] == "Good morning."
        assert next(stream) == {"event": "state", "data": {"state": "live"}}
        publish(api.redis, meeting, [add_minutes(api.database, meeting, "They met")])
        publish(api.redis, meeting, [move(api.database, meeting, MeetingState.FINISHED)])
        rest = [event for event in stream if event["event"] != "coverage"]
        assert [event["event"] for event in rest] == ["minutes", "state"]
        assert rest[-1]["data"] == {"state": "finished"}


@pytest.mark.parametrize(
    "request_", [{"headers": {"Last-Event-ID": "2"}}, {"params": {"after": "2"}}], ids=["header", "query"]
)
def test_a_client_resumes_after_its_last_id_or_the_query_parameter(
    api: Api, request_: dict[str, dict[str, str]]
) -> None:
    meeting = api.create()
    for number in range(1, 4):
        add_segment(api.database, meeting, f"Sentence {number}.", number)
    with event_stream(api, meeting, **request_) as stream:
        assert next(stream)["id"] == "3"


def test_a_client_that_has_seen_the_end_gets_204(api: Api) -> None:
    meeting = api.create()
    add_segment(api.database, meeting, "The end.")
    move(api.database, meeting, MeetingState.FINISHED)
    answer = api.http.get(f"/v1/meetings/{meeting}/events", headers={"Last-Event-ID": "1"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_an_id_that_is_not_a_number_is_refused_by_name(api: Api) -> None:
    answer = api.http.get(f"/v1/meetings/{api.create()}/events", headers={"Last-Event-ID": "x"})
    assert answer.status_code == 422
    assert "Last-Event-ID = 'x'" in answer.json()["detail"]


def test_an_unknown_meeting_is_a_404_and_not_a_stream(api: Api) -> None:
    answer = api.http.get("/v1/meetings/nothing/events")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
