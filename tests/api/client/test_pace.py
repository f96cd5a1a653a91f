"""Pacing follows the wall clock, and reading a pipe never holds up the loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from api.client.pace import from_memory, from_thread, paced, until
from schema.core.errors import InvalidAudio


def test_no_chunk_comes_before_its_end_would_have_been_spoken() -> None:
    async def run() -> list[float]:
        started_s = time.monotonic()
        return [time.monotonic() - started_s async for _ in paced(from_memory(iter([bytes(3200)] * 3)), speed=4)]

    assert all(at_s >= 0.1 * (number + 1) / 4 - 1e-6 for number, at_s in enumerate(asyncio.run(run())))


def test_a_blocking_source_is_read_in_order_and_its_error_arrives() -> None:
    def source() -> Iterator[bytes]:
        yield from (bytes([number]) for number in range(200))
        raise InvalidAudio("the pipe broke")

    got: list[int] = []

    async def run() -> None:
        async for chunk in from_thread(source()):
            got.append(chunk[0])  # noqa: PERF401 - what came before the error counts

    with pytest.raises(InvalidAudio, match="the pipe broke"):
        asyncio.run(run())
    assert got == list(range(200))


def test_a_stop_ends_the_audio_though_the_source_still_waits() -> None:
    silent = threading.Event()

    def source() -> Iterator[bytes]:
        yield b"ab"
        silent.wait(30)

    async def run() -> list[bytes]:
        stop = asyncio.Event()
        got = []
        async for chunk in until(stop, from_thread(source())):
            got.append(chunk)
            stop.set()
        return got

    assert asyncio.run(run()) == [b"ab"]
    silent.set()
