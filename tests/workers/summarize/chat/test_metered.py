"""Tokens of an endpoint are counted per meeting and per day. Past a limit this machine writes, and says why."""

from __future__ import annotations

import json

import pytest
from redis import Redis

from schema.minutes.model_use import DayUse, ModelUse, TokenLimits
from tests.workers.summarize.chat.chat_server import ChatServer, Reply, chat_server, said
from tests.workers.summarize.conftest import meeting
from workers.summarize.chat.endpoint import EndpointModel, EndpointOptions
from workers.summarize.chat.metered import MeteredModel
from workers.summarize.chat.writer import ChatWriter
from workers.summarize.notes import note_of
from workers.summarize.writing.rules import RulesWriter

SAID = meeting("Mia: We decided to buy a new printer.")
NOTE = json.dumps({"title": "The printer", "changes": []})


def counted(text: str, tokens: int) -> Reply:
    """The answer of a chat model, with the tokens that it used."""
    body = json.loads(said(text).body or "")
    usage = {"prompt_tokens": tokens - 1, "completion_tokens": 1, "total_tokens": tokens}
    return Reply(json.dumps({**body, "usage": usage}))


def reason(server: ChatServer, use: ModelUse, meeting_id: str = "m") -> str | None:
    """Why the endpoint did not write a note of the meeting, None if it did."""
    model = MeteredModel(EndpointModel(EndpointOptions(server.url, "llama", retries=0)), use, meeting_id)
    return note_of(SAID, ChatWriter(model, RulesWriter()), language="en").fell_back


def test_a_meeting_that_has_used_its_tokens_is_written_here_and_others_are_not(redis_client: Redis) -> None:
    use = ModelUse(redis_client, TokenLimits(per_meeting=100))
    with chat_server(counted(NOTE, 60)) as server:
        assert [reason(server, use) for _ in range(2)] == [None, None]
        assert "used 120 tokens, and MINUTEBOOK_SUMMARY_URL_MEETING_TOKENS allows 100" in (reason(server, use) or "")
        assert reason(server, use, "other") is None
    assert len(server.requests) == 3


def test_a_day_that_has_used_its_tokens_is_over_for_all_meetings(redis_client: Redis) -> None:
    use = ModelUse(redis_client, TokenLimits(per_day=100))
    with chat_server(counted(NOTE, 100)) as server:
        assert reason(server, use) is None
        assert "Today has used 100 tokens" in (reason(server, use, "other") or "")


def test_without_limits_nothing_is_refused_and_all_is_counted(redis_client: Redis) -> None:
    use = ModelUse(redis_client, TokenLimits())
    with chat_server(counted(NOTE, 10**9)) as server:
        assert [reason(server, use) for _ in range(2)] == [None, None]
    use.add_fall_back("llama: it is away")
    assert use.today() == DayUse(2, 2 * 10**9, 1, "llama: it is away")


def test_a_server_that_tells_no_tokens_is_counted_by_the_length_of_the_texts(redis_client: Redis) -> None:
    use = ModelUse(redis_client, TokenLimits())
    with chat_server(said(NOTE)) as server:
        reason(server, use)
        sent = sum(len(message["content"]) for message in server.requests[0]["messages"]) + len(NOTE)
    assert use.today().tokens == pytest.approx(sent / 3, rel=0.05)
