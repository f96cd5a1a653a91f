"""Passes audio on at the rate at which it would be spoken, and stops it on an interrupt."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator

from schema.core.units import BYTES_PER_SAMPLE, s_of_samples

READ_AHEAD_CHUNKS = 64


async def paced(chunks: AsyncIterator[bytes], speed: float | None) -> AsyncIterator[bytes]:
    """Yield each chunk no earlier than the end of its audio would be spoken, counted from the first call.

    *speed* 2 is twice as fast as speech. None does not wait: a microphone paces itself. The schedule follows the
    clock, so a late chunk does not delay the following ones.
    """
    samples, started_s = 0, time.monotonic()
    async for pcm in chunks:
        samples += len(pcm) // BYTES_PER_SAMPLE
        if speed is not None:
            await asyncio.sleep(started_s + s_of_samples(samples) / speed - time.monotonic())
        yield pcm


async def from_memory(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Iterate over audio that is already in memory."""
    for pcm in chunks:
        yield pcm


async def from_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read a blocking iterator, such as a pipe or a microphone, in a thread of its own.

    The thread is a daemon, so that a silent pipe does not keep the program from ending.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
    room = threading.Semaphore(READ_AHEAD_CHUNKS)

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for audio
            try:
                for pcm in chunks:
                    room.acquire()
                    loop.call_soon_threadsafe(queue.put_nowait, pcm)
            except Exception as error:
                loop.call_soon_threadsafe(queue.put_nowait, error)
            loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, name="audio source", daemon=True).start()
    while (item := await queue.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        room.release()
        yield item


async def until(stop: asyncio.Event, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield *chunks* until *stop* is set."""
    stopped = asyncio.create_task(stop.wait())
    source = aiter(chunks)
    try:
        while True:
            next_chunk = asyncio.ensure_future(anext(source, None))
            await asyncio.wait({next_chunk, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not next_chunk.done():
                next_chunk.cancel()
                return
            if (pcm := next_chunk.result()) is None:
                return
            yield pcm
    finally:
        stopped.cancel()


@contextlib.contextmanager
def stop_on_interrupt(stop: asyncio.Event) -> Iterator[None]:
    """Within the block, the first Ctrl-C sets *stop*, which ends the audio cleanly. The second one interrupts."""
    loop = asyncio.get_running_loop()

    def on_interrupt() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
