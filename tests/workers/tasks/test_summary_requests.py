"""However often a summary is asked for, one message waits; a lost one is sent again."""

from __future__ import annotations

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from schema.core import queues
from tests import servers
from workers.tasks.summary_requests import WAITS_MS, SummaryRequests, waits_key

SOON_MS = WAITS_MS // 2


@pytest.fixture
def requests(redis_client: Redis) -> SummaryRequests:
    """Its messages go into the real queue, and nobody serves it."""

    def send(task: str, arguments: list[str]) -> bool:
        redis_client.lpush(queues.SUMMARIZE_QUEUE, *arguments)
        return True

    return SummaryRequests(redis_client, send)


def waiting(requests: SummaryRequests) -> list[bytes]:
    return [bytes(message) for message in requests.redis.lrange(queues.SUMMARIZE_QUEUE, 0, -1)[::-1]]  # type: ignore[arg-type]


def take(requests: SummaryRequests) -> None:
    """A worker takes the next message and begins."""
    message: bytes = requests.redis.rpop(queues.SUMMARIZE_QUEUE)  # type: ignore[assignment]
    requests.begin(message.decode())


def pass_half_its_time(requests: SummaryRequests, meeting_id: str) -> None:
    assert requests.redis.pexpire(waits_key(meeting_id), SOON_MS)


def pass_all_its_time(requests: SummaryRequests, meeting_id: str) -> None:
    requests.redis.delete(waits_key(meeting_id))


def time_left_ms(requests: SummaryRequests, meeting_id: str) -> int:
    left_ms: int = requests.redis.pttl(waits_key(meeting_id))
    return left_ms


def test_while_nobody_serves_the_queue_one_message_of_each_meeting_waits(requests: SummaryRequests) -> None:
    for _ in range(20):
        for meeting_id in ("a", "b"):
            requests.ask(meeting_id)
            pass_half_its_time(requests, meeting_id)
    assert waiting(requests) == [b"a", b"b"]
    requests.ask("a")
    assert time_left_ms(requests, "a") > SOON_MS


def test_once_a_message_has_begun_the_next_may_be_sent(requests: SummaryRequests) -> None:
    requests.ask("a")
    take(requests)
    requests.ask("a")
    assert waiting(requests) == [b"a"]


def test_a_message_that_was_lost_from_an_empty_queue_is_sent_again(requests: SummaryRequests) -> None:
    requests.ask("a")
    requests.redis.delete(queues.SUMMARIZE_QUEUE)
    pass_half_its_time(requests, "a")
    requests.ask("a")
    assert time_left_ms(requests, "a") <= SOON_MS
    pass_all_its_time(requests, "a")
    requests.ask("a")
    assert waiting(requests) == [b"a"]


def test_a_lost_message_is_sent_again_even_when_the_queue_never_becomes_empty(requests: SummaryRequests) -> None:
    requests.ask("a")
    requests.redis.delete(queues.SUMMARIZE_QUEUE)
    for meeting_id in ("b", "c", "d"):
        requests.ask(meeting_id)
    take(requests)
    take(requests)
    pass_half_its_time(requests, "a")
    requests.ask("a")
    assert time_left_ms(requests, "a") <= SOON_MS
    pass_all_its_time(requests, "a")
    requests.ask("a")
    assert waiting(requests) == [b"d", b"a"]


def test_a_message_that_the_broker_did_not_take_does_not_count(redis_client: Redis) -> None:
    requests = SummaryRequests(redis_client, lambda *_: False)
    requests.ask("a")
    assert redis_client.exists(waits_key("a")) == 0


def test_a_message_that_is_tried_again_later_still_waits(requests: SummaryRequests) -> None:
    requests.ask("a")
    take(requests)
    requests.retried("a")
    requests.ask("a")
    assert waiting(requests) == []


def test_within_an_interval_a_meeting_is_asked_for_once(requests: SummaryRequests) -> None:
    for _ in range(3):
        requests.ask("a", interval_ms=600_000)
        requests.begin("a")
    assert waiting(requests) == [b"a"]


def test_a_redis_that_is_away_costs_a_worker_nothing_but_the_request(caplog: pytest.LogCaptureFixture) -> None:
    with Redis(port=servers.free_port(), retry=Retry(NoBackoff(), 0)) as nobody:
        SummaryRequests(nobody, lambda *_: True).ask("a")
        SummaryRequests(nobody, lambda *_: True).retried("a")
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
