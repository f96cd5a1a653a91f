"""Ending tasks of our own."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_S = 0.2


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel *tasks* and wait until all have ended, however they ended.

    On Python 3.11 `asyncio.wait_for`, which Redis' client sends with, swallows a cancellation that comes together with
    what it waits for. So one that goes on is cancelled again.
    """
    going = set(tasks)
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)  # nobody else takes their errors
