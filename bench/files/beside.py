"""Live meetings with and without a file in the queue, alternating in one run.

Anything else that changes on the machine meanwhile affects both alike.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.client.http import Http
from api.client.latency import quantiles
from bench import live
from bench.files.systems import upload_audio
from bench.speech import Speech
from deploy.supervisor import Stack

TURN_S = 30.0
FIRST_S, LAST_S = 5.0, 2.0
"""Words at either end of a turn are not counted, because work of one turn continues into the next."""
SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Turn:
    """[began_s, ended_s) of `time.monotonic()`. `moved_s` is the duration of the file transcribed in it, None without a
    file.
    """

    began_s: float
    ended_s: float
    moved_s: float | None

    def counts(self, sent_s: float) -> bool:
        """Whether a word sent at *sent_s* counts for this turn."""
        return self.began_s + FIRST_S <= sent_s < self.ended_s - LAST_S


async def measure_turns(stack: Stack, speeches: Sequence[Speech], audio: Path) -> dict[str, Any]:
    """Stream *speeches* at once, with *audio* in the queue in every second turn."""
    count = int(min(speech.seconds for speech in speeches) // TURN_S)
    turns, streamed = await asyncio.gather(_turns(stack, audio, count), live.stream_all(stack, speeches))
    meters = [each.meter for each in streamed.meetings]
    words = [word for meter in meters for word in zip(meter.spoken_at_s, meter.committed_ms, strict=True)]
    return figures(turns, words) | {"meetings": len(speeches)}


async def _turns(stack: Stack, audio: Path, count: int) -> list[Turn]:
    turns = []
    async with Http(stack.api_url, timeout_s=120) as http:
        for number in range(count):
            began_s = time.monotonic()
            moved_s = None
            if number % 2:
                moved_s = await _beside_file(http, audio)
            else:
                await asyncio.sleep(TURN_S)
            turns.append(Turn(began_s, time.monotonic(), moved_s))
    return turns


async def _beside_file(http: Http, audio: Path) -> float:
    """A turn with a file, which is cancelled at its end. Returns how many seconds of it were transcribed."""
    ends_s = time.monotonic() + TURN_S
    upload_id, meeting_id = await upload_audio(http, audio)
    await asyncio.sleep(ends_s - time.monotonic())
    coverage = (await http.meeting(meeting_id)).coverage
    await http.call("DELETE", f"/v1/uploads/{upload_id}")
    return coverage.received_s - coverage.pending_s


def figures(turns: Sequence[Turn], words: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Figures for *words*, given as (time sent, ms until committed). Turns with and without a file must both have
    words.
    """
    beside = [turn for turn in turns if turn.moved_s is not None]
    alone = [turn for turn in turns if turn.moved_s is None]
    ms_alone, ms_beside = (
        [ms for sent_s, ms in words if any(turn.counts(sent_s) for turn in kind)] for kind in (alone, beside)
    )
    p95_alone, p95_beside = (quantiles(each, 0.95)["p95"] for each in (ms_alone, ms_beside))
    moved_s = sum(turn.moved_s or 0.0 for turn in beside)
    return {
        "turns": [len(alone), len(beside)],
        "words": [len(ms_alone), len(ms_beside)],
        "committed_ms_alone": quantiles(ms_alone, *SHARES),
        "committed_ms_beside_a_file": quantiles(ms_beside, *SHARES),
        "p95_change": round(p95_beside / p95_alone - 1, 3),
        "file_times_real_time": round(moved_s / sum(turn.ended_s - turn.began_s for turn in beside), 1),
    }
