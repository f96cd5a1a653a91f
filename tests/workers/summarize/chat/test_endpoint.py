"""An endpoint's faults: each ends in a clear reason, and never with a key in it."""

from __future__ import annotations

import pytest

from tests.workers.summarize.chat.chat_server import ChatServer, Reply, chat_server, refused, said
from workers.summarize.chat.endpoint import EndpointModel, EndpointOptions
from workers.summarize.chat.model import ChatUnavailable, Message

KEY = "sk-0123456789abcdef"
ASKED = [Message("user", "Say yes.")]
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}


def ask(server: ChatServer, **options: float) -> str:
    made = EndpointOptions(server.url, "m", KEY, **{"retries": 0, "timeout_s": 5.0, **options})  # type: ignore[arg-type]
    return EndpointModel(made).answer(ASKED, SCHEMA, 50).text


def test_the_schema_the_key_and_the_bound_reach_the_endpoint() -> None:
    with chat_server(said('{"a": 1}')) as server:
        assert ask(server) == '{"a": 1}'
    [request] = server.requests
    assert request["response_format"]["json_schema"]["schema"] == SCHEMA
    assert request["max_tokens"] == 50
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(401, f"Incorrect API key provided: {KEY}"), "401.*Check the key"),
        (refused(404, "model not found"), "404.*Check the URL"),
        (refused(429, "too many requests"), "429.*no more requests"),
        (refused(500, "boom"), "500"),
        (refused(400, "maximum context length is 4096 tokens"), "400: .*maximum context length"),
        (Reply("<html>Welcome</html>", content_type="text/html"), "no answer of a chat model"),
        (Reply("<html>Bad gateway</html>", 502, "text/html"), "502"),
        (Reply('{"id": "1", "choices": [{"mess'), "gave no"),
        (Reply("{}"), "gave no answer of a chat model"),
        (said(""), "gave no answer of a chat model"),
    ],
)
def test_a_fault_is_told_with_its_reason_and_without_the_key(reply: Reply, reason: str) -> None:
    with chat_server(reply) as server, pytest.raises(ChatUnavailable, match=reason) as caught:
        ask(server)
    assert KEY not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_an_endpoint_that_does_not_answer_in_time_is_given_up() -> None:
    with chat_server(Reply(None)) as server, pytest.raises(ChatUnavailable, match=r"within 0\.2 s"):
        ask(server, timeout_s=0.2)


def test_an_endpoint_that_is_away_is_named() -> None:
    with chat_server(said("")) as server:
        url = server.url
    with pytest.raises(ChatUnavailable, match=f"{url} is not reached"):
        EndpointModel(EndpointOptions(url, "m", retries=0)).answer(ASKED, SCHEMA, 50)


def test_a_busy_endpoint_is_asked_again_after_the_pause_that_it_names() -> None:
    busy = Reply("{}", 429, headers={"Retry-After": "0"})
    with chat_server(busy, refused(503, "loading"), said("{}")) as server:
        assert ask(server, retries=2) == "{}"
    assert len(server.requests) == 3


def test_a_server_without_schemas_is_asked_for_any_json_from_then_on() -> None:
    refusal = refused(400, "response_format of type json_schema is not supported")
    with chat_server(refusal, said("{}")) as server:
        model = EndpointModel(EndpointOptions(server.url, "m", retries=0))
        for _ in range(2):
            model.answer(ASKED, SCHEMA, 50)
    assert [each["response_format"]["type"] for each in server.requests] == [
        "json_schema",
        "json_object",
        "json_object",
    ]
