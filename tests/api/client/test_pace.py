"""Pacing follows the wall clock, and reading a pipe never blocks the loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from api.client.pace import from_memory, from_thread, paced, until
from schema.core.errors import InvalidAudio


def test_no_chunk_is_passed_on_before_its_end_in_paced_time() -> None:
    async def run() -> list[float]:
        started_s = time.monotonic()
        return [time.monotonic() - started_s async for _ in paced(from_memory(iter([bytes(3200)] * 3)), speed=4)]

    assert all(at_s >= 0.1 * (number + 1) / 4 - 1e-6 for number, at_s in enumerate(asyncio.run(run())))


def test_a_blocking_source_is_read_in_order_and_its_error_is_raised() -> None:
    def source() -> Iterator[bytes]:
        yield from (bytes([number]) for number in range(200))
        raise InvalidAudio("the pipe broke")

    read: list[int] = []

    async def run() -> None:
        async for chunk in from_thread(source()):
            read.append(chunk[0])  # noqa: PERF401 - what was read before the error counts

    with pytest.raises(InvalidAudio, match="the pipe broke"):
        asyncio.run(run())
    assert read == list(range(200))


def test_a_stop_ends_the_audio_while_the_source_still_blocks() -> None:
    blocked = threading.Event()

    def source() -> Iterator[bytes]:
        yield b"ab"
        blocked.wait(30)

    async def run() -> list[bytes]:
        stop = asyncio.Event()
        read = []
        async for chunk in until(stop, from_thread(source())):
            read.append(chunk)
            stop.set()
        return read

    assert asyncio.run(run()) == [b"ab"]
    blocked.set()
