"""Cancelling tasks."""

from __future__ import annotations

import asyncio
from typing import Any

RETRY_S = 0.2


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel *tasks* and wait until all have ended, however they ended.

    On Python 3.11, `asyncio.wait_for` swallows a cancellation that arrives together with the result it waits for, and
    Redis' client uses it to send. So a task that continues is cancelled again.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=RETRY_S)
    await asyncio.gather(*tasks, return_exceptions=True)  # nobody else reads their errors
