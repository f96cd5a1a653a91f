"""`python -m bench.live`: N simultaneous meetings in real time, from real speech with references.

    N=1,8 python -m bench.live [--minutes 1.5] [--repeats 1] [--out var/bench/live.json]

Server, workers and clients run on this machine; the clients are one asyncio process. `api.client.latency` defines the
latency of a word. The latency of an append runs from sending it to receiving its acknowledgement.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from api.client.audio_source import pcm_chunks
from api.client.http import Http
from api.client.latency import LatencyMeter
from api.client.live import LiveTrack
from api.client.pace import from_memory, paced
from api.client.view import MeetingView
from bench import report, rolling
from bench.report import machine
from bench.speech import Speech, meetings
from bench.usage import measure_usage, stack_processes
from deploy.fresh import MODELS, ROOT, fresh_stack
from deploy.supervisor import Stack
from schema.core.errors import MinutebookError
from schema.core.settings import Settings, settings
from schema.meetings.wire import CoverageTotals, NewMeeting
from workers.asr.engine import Engine, load_engine
from workers.asr.error_rates import word_error_rate
from workers.transcribe.file import FileAudio, transcribe_files

STACK_FOLDER = ROOT / "var" / "bench" / "stack"


@dataclass(frozen=True, slots=True)
class Streamed:
    """One meeting as seen by its client."""

    speech: Speech
    text: str
    meter: LatencyMeter
    track: LiveTrack
    coverage: CoverageTotals


@dataclass(frozen=True, slots=True)
class Repeat:
    meetings: Sequence[Streamed]
    cpu_s: float
    client_cpu_s: float
    peak_rss_bytes: int


def main() -> int:
    arguments = _arguments()
    console = Console()
    config = settings()
    if not (arguments.shared / "audio").is_dir():
        console.print(f"{arguments.shared / 'audio'} not found: every meeting is a part of the sample meeting")
    counts = [int(count) for count in arguments.n.split(",")]
    speeches = meetings(arguments.shared, max(counts), 60 * arguments.minutes)
    try:
        with fresh_stack(STACK_FOLDER) as stack:
            runs = {count: _measure(console, stack, speeches[:count], arguments.repeats) for count in counts}
    except MinutebookError as error:
        print(f"bench: {error.detail}", file=sys.stderr)
        return 1
    console.print("transcribing the same speech as files", style="dim")
    written = _report(config, speeches, runs)
    report.write(arguments.out, written)
    console.print(report.table(written))
    console.print(f"{written['machine']['cpu']}, {written['machine']['cores']} cores; figures in {arguments.out}")
    return rolling.main([])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", default=os.environ.get("N", "1,8"), help="meetings at once, such as 1,8")
    parser.add_argument("--minutes", type=float, default=1.5, help="length of each meeting")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument(
        "--shared", type=Path, default=Path(os.environ.get("MINUTEBOOK_SHARED", ROOT.parent / "shared"))
    )
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "bench" / "live.json")
    return parser.parse_args()


def _measure(console: Console, stack: Stack, speeches: Sequence[Speech], repeats: int) -> list[Repeat]:
    measured = []
    for number in range(repeats):
        longest_s = max(speech.seconds for speech in speeches)
        what = f"{len(speeches)} at once, {longest_s:.0f} s, {number + 1} of {repeats}"
        console.print(f"streaming {what}", style="dim", highlight=False)
        measured.append(asyncio.run(stream_all(stack, speeches)))
    return measured


async def stream_all(stack: Stack, speeches: Sequence[Speech]) -> Repeat:
    began_s = _own_cpu_s()
    async with measure_usage(stack_processes(stack)) as usage:
        streams = (
            # Start the meetings at different times, so that their chunks do not arrive in step.
            _stream(stack.api_url, speech, delay_s=index / len(speeches))
            for index, speech in enumerate(speeches)
        )
        streamed = await asyncio.gather(*streams)
    return Repeat(streamed, usage.cpu_s, _own_cpu_s() - began_s, usage.peak_rss_bytes)


async def _stream(url: str, speech: Speech, delay_s: float) -> Streamed:
    async with Http(url) as http:
        created = await http.create(NewMeeting(title=speech.name))
        await asyncio.sleep(delay_s)
        track, view = LiveTrack(url, created.id), MeetingView()
        meter = LatencyMeter(track.sent)
        chunks = paced(from_memory(pcm_chunks(speech.pcm)), speed=1.0)
        async with aclosing(track.stream(chunks)) as arrivals:
            async for arrival in arrivals:
                meter.take(arrival)
                view.take(arrival.event)
        coverage = (await http.meeting(created.id)).coverage
    return Streamed(speech, view.text, meter, track, coverage)


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _report(config: Settings, speeches: Sequence[Speech], runs: dict[int, list[Repeat]]) -> dict[str, Any]:
    engine = load_engine(config.asr_model, MODELS, config.asr_precision, config.asr_device)
    texts = read_offline(engine, speeches)
    offline = [(speech.reference, text) for speech, text in zip(speeches, texts, strict=True)]
    return {
        "machine": machine(),
        "model": f"{config.asr_model} {engine.whisper.precision}",
        "meetings": [{"name": speech.name, "seconds": round(speech.seconds, 1)} for speech in speeches],
        "runs": [
            _measured(count, repeats, word_error_rate(offline[:count])).figures() for count, repeats in runs.items()
        ],
    }


def read_offline(engine: Engine, speeches: Sequence[Speech]) -> list[str]:
    """The text of each of *speeches* when a worker reads it as a file. Streaming is compared with it."""
    files = [FileAudio(np.frombuffer(speech.pcm, "<i2").astype(np.int16)) for speech in speeches]
    return [transcript.text for transcript in transcribe_files(engine, files)]


def _measured(count: int, repeats: Sequence[Repeat], wer_offline: float) -> report.Measured:
    streamed = [each for repeat in repeats for each in repeat.meetings]
    return report.Measured(
        n=count,
        committed_ms=[[ms for each in repeat.meetings for ms in each.meter.committed_ms] for repeat in repeats],
        partial_ms=list(chain.from_iterable(each.meter.partial_ms for each in streamed)),
        ack_ms=list(chain.from_iterable(each.track.ack_ms for each in streamed)),
        coverage=[each.coverage for each in streamed],
        sent_s=sum(each.speech.seconds for each in streamed),
        cpu_s=sum(repeat.cpu_s for repeat in repeats),
        client_cpu_s=sum(repeat.client_cpu_s for repeat in repeats),
        peak_rss_bytes=max(repeat.peak_rss_bytes for repeat in repeats),
        reconnects=sum(each.track.reconnects for each in streamed),
        wer_paced=word_error_rate([(each.speech.reference, each.text) for each in streamed]),
        wer_offline=wer_offline,
    )


if __name__ == "__main__":
    sys.exit(main())
