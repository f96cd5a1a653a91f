"""`make bench-files`: a recording through the whole stack, compared with faster-whisper's BatchedInferencePipeline.

    python -m bench.files [--minutes 20] [--repeats 2] [--hours 3] [--parts speed,live,memory]

*speed*: faster-whisper once, Minutebook --repeats times, faster-whisper again, with the same file and weights. `ratio`
is the mean of their wall times divided by the mean of ours. Both begin with the path of a file and a model in memory.
Minutebook's time includes upload, storage, decoder and mailbox, and ends when SQL accounts for every sample. *live*:
the committed word latency of 4 live meetings with and without the file in the queue, alternating. *memory*: its growth
over a file of --hours.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console

from bench.files import beside, memory, systems
from bench.files.recordings import recording, write_flac
from bench.files.systems import Transcribed
from bench.peers.server import free_port
from bench.report import machine, write
from bench.speech import Speech, meetings
from deploy.fresh import ROOT, fresh_stack
from deploy.supervisor import Stack
from schema.core.errors import MinutebookError
from workers.asr.error_rates import word_error_rate
from workers.asr.weights.bundled_weights import BUNDLED

FOLDER = ROOT / "var" / "bench" / "files"
MODEL = "tiny.en"
REFERENCE = f"package:{MODEL}"
MEETINGS = 4
WARM_UP_S = 60.0
PARTS = ("speed", "live", "memory")
Figures = dict[str, Any]


def main() -> int:
    arguments = _arguments()
    try:
        written = _measure(Console(), arguments)
    except MinutebookError as error:
        print(f"bench: {error.detail}", file=sys.stderr)
        return 1
    write(arguments.out, written)
    Console().print_json(data={name: written[name] for name in (*PARTS, "ratio") if name in written})
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20, help="length of the file")
    parser.add_argument("--repeats", type=int, default=2, help="runs of Minutebook between those of faster-whisper")
    parser.add_argument("--live-minutes", type=float, default=4, help="length of the live meetings")
    parser.add_argument("--hours", type=float, default=3, help="length of the file for the memory test")
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure")
    parser.add_argument(
        "--shared", type=Path, default=Path(os.environ.get("MINUTEBOOK_SHARED", ROOT.parent / "shared"))
    )
    parser.add_argument("--out", type=Path, default=FOLDER.parent / "files.json")
    return parser.parse_args()


def _measure(console: Console, arguments: argparse.Namespace) -> Figures:
    parts = arguments.parts.split(",")
    speech = recording(arguments.shared, 60 * arguments.minutes)
    audio = write_flac(speech, FOLDER / "recording.flac")
    written: Figures = {"machine": machine(), "model": MODEL, "file_s": round(speech.seconds, 1)}
    with _fresh_stack() as stack:
        if "speed" in parts:
            written |= _speed(console, stack, speech, audio, arguments)
        if "live" in parts:
            written["live"] = _beside_live(console, stack, audio, arguments)
    if "memory" in parts:
        written["memory"] = _memory(console, arguments)
    return written


def _fresh_stack() -> AbstractContextManager[Stack]:
    """A stack with ports of its own, so that a stack started meanwhile can use the default ones."""
    ports = {f"MINUTEBOOK_{name}_PORT": str(free_port()) for name in ("API", "FLOWER")}
    return fresh_stack(FOLDER / "stack", environment={"MINUTEBOOK_ASR_MODEL": REFERENCE, **ports})


def _speed(console: Console, stack: Stack, speech: Speech, audio: Path, arguments: argparse.Namespace) -> Figures:
    console.print("warming up", style="dim")
    asyncio.run(
        systems.transcribe_with_minutebook(
            stack, write_flac(recording(arguments.shared, WARM_UP_S), FOLDER / "warm-up.flac")
        )
    )
    asyncio.run(systems.wait_for_minutes(stack))
    model = BUNDLED[MODEL].folder()
    theirs = [_noted(console, "faster-whisper", systems.transcribe_with_faster_whisper(model, audio))]
    own = []
    for _ in range(arguments.repeats):
        own.append(_noted(console, "Minutebook", asyncio.run(systems.transcribe_with_minutebook(stack, audio))))
        asyncio.run(systems.wait_for_minutes(stack))
    theirs.append(_noted(console, "faster-whisper", systems.transcribe_with_faster_whisper(model, audio)))
    return {
        "ratio": round(fmean(run.wall_s for run in theirs) / fmean(run.wall_s for run in own), 2),
        "speed": {"minutebook": _runs(own, speech), "faster_whisper": _runs(theirs, speech)},
    }


def _noted(console: Console, name: str, run: Transcribed) -> Transcribed:
    console.print(f"{name}: {run.wall_s:.1f} s, {run.cpu_s:.1f} s of processor time", highlight=False)
    return run


def _runs(runs: Sequence[Transcribed], speech: Speech) -> Figures:
    return {
        "wall_s": [round(run.wall_s, 2) for run in runs],
        "cpu_s": [round(run.cpu_s, 2) for run in runs],
        "times_real_time": round(speech.seconds / fmean(run.wall_s for run in runs), 1),
        "wer": [round(word_error_rate([(speech.reference, run.text)]), 4) for run in runs],
    }


def _beside_live(console: Console, stack: Stack, audio: Path, arguments: argparse.Namespace) -> Figures:
    speeches = meetings(arguments.shared, MEETINGS, 60 * arguments.live_minutes)
    console.print(
        f"{MEETINGS} live meetings for {arguments.live_minutes:g} minutes, with and without a file", style="dim"
    )
    return asyncio.run(beside.measure_turns(stack, speeches, audio))


def _memory(console: Console, arguments: argparse.Namespace) -> Figures:
    console.print(f"measuring memory over a file of {arguments.hours:g} h", style="dim")
    audio = write_flac(recording(arguments.shared, 3600 * arguments.hours), FOLDER / "long.flac")
    with _fresh_stack() as stack:
        growth, hours = asyncio.run(memory.measure_growth(stack, audio))
    return {"hours": round(hours, 2), "processes": growth.figures(hours)}


if __name__ == "__main__":
    sys.exit(main())
