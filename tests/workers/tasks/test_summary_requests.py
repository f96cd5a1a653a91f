"""At most one summary request per meeting is queued, and a lost one is sent again."""

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
    """Requests that go into the real queue, which no worker serves."""

    def send(task: str, arguments: list[str]) -> bool:
        redis_client.lpush(queues.SUMMARIZE_QUEUE, *arguments)
        return True

    return SummaryRequests(redis_client, send)


def waiting(requests: SummaryRequests) -> list[bytes]:
    return [bytes(message) for message in requests.redis.lrange(queues.SUMMARIZE_QUEUE, 0, -1)[::-1]]  # type: ignore[arg-type]


def take(requests: SummaryRequests) -> None:
    """Take the next message and start its work, as a worker does."""
    message: bytes = requests.redis.rpop(queues.SUMMARIZE_QUEUE)  # type: ignore[assignment]
    requests.begin(message.decode())


def pass_half_its_time(requests: SummaryRequests, meeting_id: str) -> None:
    assert requests.redis.pexpire(waits_key(meeting_id), SOON_MS)


def pass_all_its_time(requests: SummaryRequests, meeting_id: str) -> None:
    requests.redis.delete(waits_key(meeting_id))


def time_left_ms(requests: SummaryRequests, meeting_id: str) -> int:
    left_ms: int = requests.redis.pttl(waits_key(meeting_id))
    return left_ms


def test_at_most_one_request_per_meeting_is_queued(requests: SummaryRequests) -> None:
    for _ in range(20):
        for meeting_id in ("a", "b"):
            requests.ask(meeting_id)
            pass_half_its_time(requests, meeting_id)
    assert waiting(requests) == [b"a", b"b"]
    requests.ask("a")
    assert time_left_ms(requests, "a") > SOON_MS


def test_a_request_can_be_queued_once_the_previous_one_has_started(requests: SummaryRequests) -> None:
    requests.ask("a")
    take(requests)
    requests.ask("a")
    assert waiting(requests) == [b"a"]


def test_a_request_lost_from_an_empty_queue_is_sent_again(requests: SummaryRequests) -> None:
    requests.ask("a")
    requests.redis.delete(queues.SUMMARIZE_QUEUE)
    pass_half_its_time(requests, "a")
    requests.ask("a")
    assert time_left_ms(requests, "a") <= SOON_MS
    pass_all_its_time(requests, "a")
    requests.ask("a")
    assert waiting(requests) == [b"a"]


def test_a_lost_request_is_sent_again_even_when_the_queue_never_becomes_empty(requests: SummaryRequests) -> None:
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


def test_a_request_that_the_broker_refused_does_not_count(redis_client: Redis) -> None:
    requests = SummaryRequests(redis_client, lambda *_: False)
    requests.ask("a")
    assert redis_client.exists(waits_key("a")) == 0


def test_a_request_to_be_retried_counts_as_queued(requests: SummaryRequests) -> None:
    requests.ask("a")
    take(requests)
    requests.retried("a")
    requests.ask("a")
    assert waiting(requests) == []


def test_within_an_interval_a_meeting_is_requested_once(requests: SummaryRequests) -> None:
    for _ in range(3):
        requests.ask("a", interval_ms=600_000)
        requests.begin("a")
    assert waiting(requests) == [b"a"]


def test_an_unreachable_redis_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    with Redis(port=servers.free_port(), retry=Retry(NoBackoff(), 0)) as unreachable:
        SummaryRequests(unreachable, lambda *_: True).ask("a")
        SummaryRequests(unreachable, lambda *_: True).retried("a")
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
