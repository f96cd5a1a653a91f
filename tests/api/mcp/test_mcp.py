"""Assistants reach meetings by MCP. The client of the official SDK drives the command against a running API."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp_types import TextContent

from api.auth.keys import create_key
from api.mcp.server import create_server
from schema.core.events import publish
from schema.core.states import Scope, SummaryKind
from tests.api.conftest import Api
from tests.api.database_rows import add_minutes, add_segments
from tests.servers import free_port
from tests.waiting import wait_until

SAID = [("We ship on Friday.", 0.0, 2.0), ("Anna writes the notes.", 2.0, 4.0), ("The budget is open.", 4.0, 6.0)]
READING = ["follow_meeting", "list_meetings", "read_minutes", "read_transcript", "search_meetings"]
CORRECTING = ["correct_minutes", "correct_passage", "rename_speaker"]


@pytest.fixture
def meeting(api: Api) -> str:
    meeting_id = api.create(title="Launch")
    add_segments(api.database, meeting_id, SAID)
    return meeting_id


def stdio(api: Api, *options: str, key: str | None = None) -> StdioServerParameters:
    """How an assistant starts the command."""
    code = "from api.cli import app; app()"
    keyed = ["--key", key] if key else []
    arguments = ["-c", code, "mcp", "--url", api.url, *keyed, *options]
    return StdioServerParameters(command=sys.executable, args=arguments)


def ask(server: Any, work: Callable[[Client], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with asyncio.timeout(120):
            async with Client(server) as client:
                return await work(client)

    return asyncio.run(run())


async def answer(client: Client, tool: str, **arguments: object) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    found = result.structured_content
    return found["result"] if found is not None and set(found) == {"result"} else found


async def refusal(client: Client, tool: str, **arguments: object) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def test_an_assistant_lists_searches_and_reads_over_stdio(api: Api, meeting: str) -> None:
    add_minutes(api.database, meeting, "They ship on Friday.", kind=SummaryKind.ROLLING)

    async def work(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert sorted(tool.name for tool in tools) == READING
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        (listed,) = await answer(client, "list_meetings")
        assert (listed["id"], listed["title"], listed["state"]) == (meeting, "Launch", "live")
        (hit,) = await answer(client, "search_meetings", words="budget")
        assert (hit["meeting_id"], hit["start_s"]) == (meeting, 4.0)
        part = await answer(client, "read_transcript", meeting_id=meeting, limit=2)
        assert [each["text"] for each in part["passages"]] == [text for text, _, _ in SAID[:2]]
        assert part["next_start_s"] == 4.0
        rest = await answer(client, "read_transcript", meeting_id=meeting, start_s=part["next_start_s"])
        assert ([each["text"] for each in rest["passages"]], rest["next_start_s"]) == ([SAID[2][0]], None)
        minutes = await answer(client, "read_minutes", meeting_id=meeting)
        assert (minutes["kind"], minutes["overview"][0]["text"]) == ("rolling", "They ship on Friday.")
        assert minutes["overview"][0]["supported"] is False

    ask(stdio(api), work)


def test_errors_of_the_api_reach_the_assistant_with_their_reason(api: Api, meeting: str) -> None:
    async def work(client: Client) -> None:
        assert "this key has no meeting 'nothing'" in await refusal(client, "read_transcript", meeting_id="nothing")
        assert "no minutes" in (await refusal(client, "read_minutes", meeting_id=meeting)).lower()
        assert "limit" in await refusal(client, "list_meetings", limit=0)
        assert "correct_passage" in await refusal(client, "correct_passage", meeting_id=meeting)

    ask(create_server(api.url, None), work)

    async def away(client: Client) -> None:
        assert "cannot be reached" in await refusal(client, "list_meetings")

    ask(create_server(f"http://127.0.0.1:{free_port()}", None), away)


def test_following_waits_for_what_is_said_next(api: Api, meeting: str) -> None:
    def say_more() -> None:
        (event,) = add_segments(api.database, meeting, [("One more thing.", 6.0, 7.0)])
        publish(api.redis, meeting, [event])

    async def work(client: Client) -> None:
        first = await answer(client, "follow_meeting", meeting_id=meeting)
        assert [each["text"] for each in first["passages"]] == [text for text, _, _ in SAID]
        assert (first["state"], first["ended"]) == ("live", False)
        nothing = await answer(client, "follow_meeting", meeting_id=meeting, after=first["next_after"], wait_s=0.5)
        assert (nothing["passages"], nothing["next_after"]) == ([], first["next_after"])
        speaking = threading.Timer(0.5, say_more)
        speaking.start()
        news = await answer(client, "follow_meeting", meeting_id=meeting, after=first["next_after"], wait_s=60)
        speaking.join()
        assert [each["text"] for each in news["passages"]] == ["One more thing."]
        assert news["next_after"] > first["next_after"]

    ask(create_server(api.url, None), work)


def test_with_leave_it_corrects_unless_somebody_was_faster(api: Api, meeting: str) -> None:
    async def work(client: Client) -> None:
        assert sorted(tool.name for tool in (await client.list_tools()).tools) == sorted(READING + CORRECTING)
        read = (await answer(client, "read_transcript", meeting_id=meeting))["passages"][1]
        change = {"meeting_id": meeting, "segment_id": read["segment_id"], "version": read["version"]}
        corrected = await answer(client, "correct_passage", **change, text="Hanna writes the notes.")
        assert (corrected["text"], corrected["version"]) == ("Hanna writes the notes.", read["version"] + 1)
        assert "version" in await refusal(client, "correct_passage", **change, text="Nobody writes notes.")
        assert await answer(client, "rename_speaker", meeting_id=meeting, speaker=None, new_speaker="Bo") == len(SAID)

    ask(stdio(api, "--allow-corrections"), work)
    segments = api.http.get(f"/v1/meetings/{meeting}/transcript").json()["segments"]
    assert [each["text"] for each in segments] == [SAID[0][0], "Hanna writes the notes.", SAID[2][0]]
    assert {each["speaker"] for each in segments} == {"Bo"}


def test_it_can_do_no_more_than_its_key(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    reader = create_key(api.database, "assistant", [Scope.READ]).key

    async def without(client: Client) -> None:
        assert "no API key was sent" in await refusal(client, "list_meetings")

    async def reads(client: Client) -> None:
        assert await answer(client, "list_meetings") == []
        refused = await refusal(client, "rename_speaker", meeting_id="x", speaker=None, new_speaker="Bo")
        assert "scope 'write'" in refused

    ask(create_server(api.url, None), without)
    ask(create_server(api.url, reader, corrects=True), reads)


def test_streamable_http_serves_this_machine_only(api: Api, meeting: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp"
    command = stdio(api, "--http-port", str(port))
    with subprocess.Popen([command.command, *command.args], stdout=subprocess.DEVNULL) as serving:
        try:
            wait_until(
                "it serves",
                lambda: httpx.get(url, headers={"Host": "attacker.example"}, trust_env=False).status_code,
                lambda status: status == 421,
                retry_on=httpx.ConnectError,
            )

            async def work(client: Client) -> None:
                (listed,) = await answer(client, "list_meetings")
                assert listed["id"] == meeting

            ask(url, work)
        finally:
            serving.terminate()
