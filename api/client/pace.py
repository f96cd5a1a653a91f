"""Audio handed on at the rate at which it would be spoken."""

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
    """Yield each chunk no earlier than its end would have been spoken, counted from the first call.

    *speed* 2 is twice as fast as speech; None is as fast as the chunks come (a microphone paces itself). The schedule
    is one of the wall clock: a late chunk does not make the following ones late.
    """
    samples, started_s = 0, time.monotonic()
    async for pcm in chunks:
        samples += len(pcm) // BYTES_PER_SAMPLE
        if speed is not None:
            await asyncio.sleep(started_s + s_of_samples(samples) / speed - time.monotonic())
        yield pcm


async def at_hand(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """An iterator over audio that is already in memory."""
    for pcm in chunks:
        yield pcm


async def in_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """A blocking iterator (a pipe, a microphone, a decoder) read by a thread of its own.

    The thread is a daemon: a pipe on which nothing comes must not keep the program from ending.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
    room = threading.Semaphore(READ_AHEAD_CHUNKS)

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits for audio any more
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
    """*chunks* up to the moment at which *stop* is set."""
    stopped = asyncio.create_task(stop.wait())
    source = aiter(chunks)
    try:
        while True:
            coming = asyncio.ensure_future(anext(source, None))
            await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                return
            if (pcm := coming.result()) is None:
                return
            yield pcm
    finally:
        stopped.cancel()


@contextlib.contextmanager
def first_interrupt(stop: asyncio.Event) -> Iterator[None]:
    """The first Ctrl-C sets *stop*, so that the audio ends and the meeting is finished; a second one interrupts."""
    loop = asyncio.get_running_loop()

    def heard() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, heard)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
