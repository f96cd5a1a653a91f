"""Every event reaches every viewer once and in order, through any API process and whatever gets lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from schema.core.events import Event, publish
from schema.core.settings import Settings
from schema.core.states import MeetingState
from tests.api.conftest import Api
from tests.api.database_rows import add_coverage, add_minutes, add_note, add_segment, add_segments, grow_segment, move
from tests.api.process import api_process
from tests.api.sockets import event_stream, live
from tests.waiting import wait_until

SECOND = b"\x01\x00" * 16_000


@pytest.fixture
def meeting(api: Api) -> str:
    return api.create()


def test_a_viewer_gets_what_a_worker_publishes(api: Api, meeting: str) -> None:
    with live(api, meeting) as socket:
        socket.next_of("coverage")
        publish(api.redis, meeting, [add_segment(api.database, meeting, "Good morning.")])
        publish(api.redis, meeting, [add_note(api.database, meeting, "A greeting")])
        publish(api.redis, meeting, [add_minutes(api.database, meeting, "They met")])
        assert socket.rows(3) == [(1, "Good morning."), (2, "A greeting"), (3, "They met")]


def test_viewers_of_two_api_processes_get_the_same_rows(settings: Callable[..., Settings], tmp_path: Path) -> None:
    logs = tmp_path / "log"
    with api_process(settings(), logs) as one, api_process(settings(), logs) as other:
        meeting = one.create()
        with live(one, meeting) as producer, live(other, meeting) as viewer, event_stream(other, meeting) as stream:
            producer.send(0, SECOND)
            producer.next_of("ack")
            for number in range(1, 30):
                publish(one.redis, meeting, [add_segment(one.database, meeting, f"Sentence {number}.", number)])
            expected = [(number, f"Sentence {number}.") for number in range(1, 30)]
            assert producer.rows(29) == expected
            assert viewer.rows(29) == expected
            assert stream_rows(stream, 29) == expected


def stream_rows(stream: Iterator[dict[str, Any]], count: int) -> list[tuple[int, str]]:
    rows = (event for event in stream if "id" in event)
    return [(int(event["id"]), event["data"]["text"]) for event in islice(rows, count)]


def test_partial_words_reach_viewers(api: Api, meeting: str) -> None:
    with live(api, meeting) as socket:
        socket.next_of("coverage")
        # Partial words reach only current subscribers, so they are published until there is one.
        for _ in range(200):
            if publish_partial(api, meeting):
                break
        assert socket.next_of("partial") == {"track": "main", "text": "Good mor"}


def publish_partial(api: Api, meeting: str) -> bool:
    """Publish partial words. True if an API process was subscribed."""
    event = Event("partial", {"track": "main", "text": "Good mor"})
    listeners = api.redis.publish(f"mb:events:{meeting}", event.encode())
    if not listeners:
        api.redis.blpop(["never"], timeout=0.05)
    return bool(listeners)


def test_rows_whose_events_were_lost_are_read_from_the_database(api: Api, meeting: str) -> None:
    with live(api, meeting) as socket:
        socket.next_of("coverage")
        for number in range(1, 6):
            add_segment(api.database, meeting, f"Lost {number}.", number)
        assert socket.rows(5) == [(number, f"Lost {number}.") for number in range(1, 6)]


def test_a_missing_row_is_sent_before_a_later_event(api: Api, meeting: str) -> None:
    with live(api, meeting) as socket:
        socket.next_of("coverage")
        add_segment(api.database, meeting, "Lost.")
        publish(api.redis, meeting, [add_segment(api.database, meeting, "Heard.", 1)])
        assert socket.rows(2) == [(1, "Lost."), (2, "Heard.")]


def test_malformed_events_are_ignored(api: Api, meeting: str) -> None:
    with live(api, meeting) as socket:
        socket.next_of("coverage")
        for nonsense in (b"{", b'{"type": "segment", "seq": "one", "data": {}}', b"\xff"):
            api.redis.publish(f"mb:events:{meeting}", nonsense)
        publish(api.redis, meeting, [add_segment(api.database, meeting, "Heard.")])
        assert socket.rows(1) == [(1, "Heard.")]


def test_events_out_of_order_and_doubled_events_change_nothing(api: Api, meeting: str) -> None:
    with live(api, meeting) as socket:
        socket.next_of("coverage")
        events = [add_segment(api.database, meeting, f"Sentence {number}.", number) for number in range(1, 5)]
        publish(api.redis, meeting, [events[2], events[0], events[0], events[3], events[1], events[2]])
        last = add_segment(api.database, meeting, "Last.", 9)
        publish(api.redis, meeting, [last])
        expected = [(number, f"Sentence {number}.") for number in range(1, 5)]
        assert socket.rows(5) == [*expected, (5, "Last.")]


def test_a_late_viewer_gets_a_grown_segment_once_in_its_latest_form(api: Api, meeting: str) -> None:
    first = add_segment(api.database, meeting, "Good")
    add_segment(api.database, meeting, "Yes.", 1)
    grow_segment(api.database, first.data["id"], "morning.")
    with live(api, meeting) as socket:
        assert socket.rows(2) == [(2, "Yes."), (3, "Good morning.")]


def test_a_viewer_resumes_after_the_sequence_number_it_names(api: Api, meeting: str) -> None:
    for number in range(1, 6):
        add_segment(api.database, meeting, f"Sentence {number}.", number)
    with live(api, meeting, "?after=3") as socket:
        assert socket.rows(2) == [(4, "Sentence 4."), (5, "Sentence 5.")]


def test_a_meeting_of_1201_rows_is_replayed_completely(api: Api, meeting: str) -> None:
    add_segments(api.database, meeting, [(f"{number}.", number, number + 1) for number in range(1, 1202)])
    with live(api, meeting) as socket:
        assert socket.rows(1201) == [(number, f"{number}.") for number in range(1, 1202)]


def test_a_slow_viewer_delays_no_other_and_misses_no_row(api: Api, meeting: str) -> None:
    with live(api, meeting, max_queue=1, ping_interval=None, close_timeout=0.1) as slow, live(api, meeting) as quick:
        quick.next_of("coverage")
        partial = Event("partial", {"track": "main", "text": "word " * 10_000})
        for event in add_segments(api.database, meeting, [(f"{number}.", number, number + 1) for number in range(400)]):
            publish(api.redis, meeting, [partial, event])
        expected = [(number + 1, f"{number}.") for number in range(400)]
        assert quick.rows(400) == expected
        assert slow.rows(400) == expected


def test_the_last_rows_arrive_before_the_final_state(api: Api, meeting: str) -> None:
    with live(api, meeting) as socket:
        socket.next_of("coverage")
        add_minutes(api.database, meeting, "All said")
        publish(api.redis, meeting, [move(api.database, meeting, MeetingState.FINISHED)])
        assert socket.rows(1) == [(1, "All said")]
        assert socket.next_of("state") == {"state": "finished"}
        assert socket.end()[0] == 1000


def test_viewers_get_the_coverage_of_the_audio(api: Api, meeting: str) -> None:
    with live(api, meeting) as socket:
        socket.send(0, SECOND * 3)
        socket.next_of("ack")
        add_coverage(api.database, meeting, "transcribed", 0, 2)
        coverage = wait_until(
            "coverage is transcribed",
            lambda: socket.next_of("coverage"),
            lambda totals: totals["transcribed_s"] > 0,
            poll_s=0,
        )
        assert (coverage["received_s"], coverage["transcribed_s"], coverage["pending_s"]) == (3.0, 2.0, 1.0)


def test_events_continue_after_redis_has_closed_every_connection(api: Api, meeting: str) -> None:
    with live(api, meeting) as socket:
        publish(api.redis, meeting, [add_segment(api.database, meeting, "Before.")])
        assert socket.rows(1) == [(1, "Before.")]
        api.redis.client_kill_filter(_type="pubsub", skipme=True)
        publish(api.redis, meeting, [add_segment(api.database, meeting, "After.", 1)])
        publish(api.redis, meeting, [add_segment(api.database, meeting, "Later.", 2)])
        assert socket.rows(2) == [(2, "After."), (3, "Later.")]
        socket.send(0, SECOND)
        assert socket.next_of("ack")["received_sample"] == 16_000
