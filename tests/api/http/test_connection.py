"""Connections are limited in number, and no client may keep one by sending nothing or next to nothing."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import cast

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.exceptions import InvalidStatus

from api.http import connection
from api.http.connection import BoundedHttp, ConnectionLimits
from tests.api.conftest import Api
from tests.api.sockets import live
from tests.servers import free_port
from tests.waiting import wait_until

GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
UPGRADE = (
    b"GET /v1/meetings/x/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
LIMIT_S = 20


@pytest.fixture
def impatient(start: Callable[..., Api]) -> Api:
    """An API that waits for clients for a fifth of a second."""
    return start(head_limit_s=0.2, keep_alive_s=1)


@pytest.fixture
def opened() -> Iterator[Callable[[Api], socket.socket]]:
    """Opens connections that end with the test."""
    with ExitStack() as stack:
        yield lambda api: stack.enter_context(
            socket.create_connection(("127.0.0.1", api.config.api_port), timeout=LIMIT_S)
        )


def rest(client: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    received = b""
    while data := client.recv(65536):
        received += data
    return received


def test_a_connection_without_a_request_is_closed(impatient: Api, opened: Callable[[Api], socket.socket]) -> None:
    assert rest(opened(impatient)) == b""


@pytest.mark.parametrize("sent", [b"GET /heal", GET[:-2], UPGRADE, b"\r\n"])
def test_half_a_head_is_a_408(impatient: Api, opened: Callable[[Api], socket.socket], sent: bytes) -> None:
    client = opened(impatient)
    client.sendall(sent)
    answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"MINUTEBOOK_HEAD_LIMIT_S" in answer


def test_a_head_that_arrives_byte_by_byte_is_a_408(impatient: Api, opened: Callable[[Api], socket.socket]) -> None:
    """A byte does not renew the time. The head never ends, so a server that renewed it would go on reading."""
    client = opened(impatient)
    client.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
    client.settimeout(0.02)

    def dribble() -> bytes:
        try:
            client.sendall(b"y")
            return client.recv(65536)
        except TimeoutError:
            return b""

    assert wait_until("the server answers", dribble, poll_s=0).startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed_after_its_request(impatient: Api, opened: Callable[[Api], socket.socket]) -> None:
    client = opened(impatient)
    client.sendall(GET)
    answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"408" not in answer


def test_half_a_second_head_is_a_408(impatient: Api, opened: Callable[[Api], socket.socket]) -> None:
    client = opened(impatient)
    client.sendall(GET)
    assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    client.sendall(GET[:10])
    assert rest(client).startswith(b"HTTP/1.1 408 ")


def test_a_head_without_an_end_is_a_431(api: Api, opened: Callable[[Api], socket.socket]) -> None:
    client = opened(api)
    client.sendall(b"GET / HTTP/1.1\r\nX: " + b"y" * connection.UNPARSED_LIMIT_BYTES)
    assert client.recv(65536).startswith(b"HTTP/1.1 431 ")


def test_answers_before_the_application_is_asked_are_problems_whose_type_nobody_may_guess(
    start: Callable[..., Api], opened: Callable[[Api], socket.socket]
) -> None:
    api = start(head_limit_s=0.2, connections_per_address=2)
    seen = []
    for sent in (b"<html>\r\n\r\n", b"GET /heal", GET[:-2] + b"X: " + b"y" * connection.UNPARSED_LIMIT_BYTES):
        client = opened(api)
        client.sendall(sent)
        seen.append(client.recv(65536))
    held = [opened(api) for _ in range(3)]
    held[-1].sendall(GET)
    seen.append(rest(held[-1]))
    assert [answer.split()[1] for answer in seen] == [b"400", b"408", b"431", b"503"]
    for head, _, body in (answer.partition(b"\r\n\r\n") for answer in seen):
        assert b"\r\nx-content-type-options: nosniff" in head.lower()
        assert b"\r\ncontent-type: application/problem+json" in head.lower()
        assert json.loads(body)["detail"]


def test_connections_above_the_limit_of_an_address_are_a_503_until_one_is_closed(
    start: Callable[..., Api], opened: Callable[[Api], socket.socket]
) -> None:
    api = start(connections_per_address=3)
    meeting = api.create()  # the client keeps its connection
    with live(api, meeting) as viewer, live(api, meeting):
        viewer.next_of("state")
        client = opened(api)
        client.sendall(GET)
        answer = rest(client)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after" in answer.lower()
        assert b"more than 3 connections from 127.0.0.1 (MINUTEBOOK_CONNECTIONS_PER_ADDRESS)" in answer
        with pytest.raises(InvalidStatus, match="503"), live(api, meeting):
            pass
        assert api.http.get("/healthz").is_success
    wait_until("a connection is free again", lambda: httpx.get(f"{api.url}/healthz", trust_env=False).is_success)


def test_connections_above_the_limit_in_all_are_a_503(
    start: Callable[..., Api], opened: Callable[[Api], socket.socket]
) -> None:
    api = start(connections_limit=10, connections_per_address=100)
    waiting = [opened(api) for _ in range(10)]
    last = opened(api)
    last.sendall(GET)
    answer = rest(last)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"more than 10 connections (MINUTEBOOK_CONNECTIONS_LIMIT)" in answer
    waiting[0].sendall(GET)
    assert waiting[0].recv(65536).startswith(b"HTTP/1.1 200 ")


def test_far_too_many_connections_are_cut_off(
    start: Callable[..., Api], opened: Callable[[Api], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REFUSED_LIMIT", 1)
    api = start(connections_per_address=2)
    waiting = [opened(api) for _ in range(3)]
    last = opened(api)
    received = b""
    with suppress(ConnectionError):
        last.sendall(GET)
        received = rest(last)
    assert received == b""  # not even a 503
    waiting[0].sendall(GET)
    assert waiting[0].recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_reads_nothing_of_its_answer_is_cut_off() -> None:
    """The answer is longer than all buffers on the way."""

    async def long_answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(500):
            await send({"type": "http.response.body", "body": bytes(1 << 17), "more_body": True})
        await send({"type": "http.response.body"})

    limits = ConnectionLimits(total=10, per_address=10, head_s=LIMIT_S, reader_stall_s=0.2)
    protocol = cast("type[asyncio.Protocol]", partial(BoundedHttp, limits=limits))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(long_answer, port=port, http=protocol, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until("the server has started", lambda: server.started)
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as client:
            client.sendall(GET)
            wait_until("the server has the connection", lambda: server.server_state.connections)
            wait_until("the server has no connection", lambda: not server.server_state.connections)
    finally:
        server.should_exit = True
        thread.join(LIMIT_S)
