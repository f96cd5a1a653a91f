"""`python -m deploy.demo`: plays the sample meeting in real time into a stack of its own.

Writes `var/demo/result.json`. Exits with status 1 and the reason if the meeting was not processed completely.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from api.cli.render import LiveScreen
from api.client.audio_source import pcm_chunks, read_file
from api.client.http import Http
from api.client.latency import LatencyMeter, quantiles
from api.client.live import LiveTrack
from api.client.pace import from_memory, paced
from api.client.view import MeetingView
from deploy.fresh import ROOT, fresh_stack
from schema.core.errors import MinutebookError
from schema.core.units import SAMPLE_RATE_HZ
from schema.meetings.wire import MeetingOut, NewMeeting
from schema.minutes.minutes import MINUTES
from workers.asr.error_rates import word_error_rate

SAMPLE = Path(__file__).with_name("demo")
PROCESSES = ("redis", "migrate", "api", "transcribe", "summarize", "beat")
"""All processes except Flower, which a demonstration does not need."""
KINDS = ("transcribed_s", "silent_s", "missing_s", "failed_s", "shed_s")
SAMPLE_S = 1 / SAMPLE_RATE_HZ


class DemoFailed(MinutebookError):
    """The stack processed the meeting, but the result is not as expected."""

    slug, title = "demo-failed", "The demonstration failed"


@dataclass(frozen=True, slots=True)
class DemoMeeting:
    """What the client received by the end of the meeting."""

    view: MeetingView
    meter: LatencyMeter
    meeting: MeetingOut


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    console = Console()
    folder = ROOT / "var" / "demo"
    try:
        result = demo(console, folder)
    except MinutebookError as error:
        print(f"demo: {error.detail}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    _print_result(console, result, folder / "result.json")
    return 0


def demo(console: Console, folder: Path) -> dict[str, Any]:
    """Run the demonstration and return the content of `result.json`. Raises MinutebookError."""
    result_file = folder / "result.json"
    result_file.unlink(missing_ok=True)

    def tell(text: str) -> None:
        console.print(text, style="dim", highlight=False, markup=False)

    tell("starting server, API and workers")
    with fresh_stack(folder, processes=PROCESSES, tell=tell) as stack:
        meeting = asyncio.run(_listen(console, stack.api_url, read_file(SAMPLE / "meeting.flac")))
    result = result_of(meeting, (SAMPLE / "reference.txt").read_text())
    result_file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


async def _listen(console: Console, url: str, pcm: bytes) -> DemoMeeting:
    async with Http(url) as http:
        created = await http.create(NewMeeting(title="Launch meeting", vocabulary=["Maya", "Tom", "Priya", "Leo"]))
        track = LiveTrack(url, created.id)
        meter = LatencyMeter(track.sent)
        screen = LiveScreen(console)
        chunks = paced(from_memory(pcm_chunks(pcm)), speed=1.0)
        with screen:
            async with aclosing(track.stream(chunks)) as arrivals:
                async for arrival in arrivals:
                    meter.take(arrival)
                    screen.take(arrival.event)
        meeting = await http.meeting(created.id)
    screen.print_final(meeting.coverage)
    return DemoMeeting(screen.view, meter, meeting)


def result_of(demo_meeting: DemoMeeting, reference: str) -> dict[str, Any]:
    """The result of the demonstration. Raises DemoFailed if final minutes are missing or some audio is
    unaccounted for.
    """
    if demo_meeting.view.final is None:
        raise DemoFailed(f"the meeting ended as '{demo_meeting.meeting.state}' without final minutes; see var/demo/log")
    coverage = demo_meeting.meeting.coverage
    accounted_s = sum(getattr(coverage, kind) for kind in KINDS)
    if abs(accounted_s - coverage.received_s) > SAMPLE_S:
        raise DemoFailed(f"{coverage.received_s:.3f} s were received but {accounted_s:.3f} s are accounted for")
    return {
        "meeting_id": demo_meeting.meeting.id,
        "received_s": coverage.received_s,
        "wer": round(word_error_rate([(reference, demo_meeting.view.text)]), 4),
        "committed_latency_ms": quantiles(demo_meeting.meter.committed_ms, 0.5, 0.95),
        "coverage": {kind: getattr(coverage, kind) for kind in KINDS},
        "segments": len(demo_meeting.view.segments),
        "rolling_versions": len(demo_meeting.view.rolling_versions),
        "final": MINUTES.dump_python(demo_meeting.view.final.minutes, mode="json"),
    }


def _print_result(console: Console, result: dict[str, Any], path: Path) -> None:
    latency = result["committed_latency_ms"]
    console.print(
        f"word error rate {100 * result['wer']:.1f} %, words committed after {latency['p50'] / 1000:.1f} s "
        f"(95 % within {latency['p95'] / 1000:.1f} s), {result['rolling_versions']} rolling versions",
        highlight=False,
    )
    console.print(f"everything has stopped; the result is in {path}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
