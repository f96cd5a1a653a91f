"""`make bench-peers`: Minutebook, WhisperLiveKit and WhisperLive in turn, in real time, with the same audio.

    python -m bench.peers [--n 1,2] [--minutes 1.5] [--repeats 2] [--out var/bench/peers.json]

Each system is restarted for each run, warmed up with a short stream that does not count, and shares the machine only
with the clients. `bench.peers.words` defines the latency of a word. All systems use the weights of `package:tiny.en`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.peers import report, server
from bench.peers.minutebook import minutebook
from bench.peers.system import PeerStream, PeerSystem, RunningPeer
from bench.peers.whisper_live import whisper_live
from bench.peers.whisper_live_kit import whisper_live_kit
from bench.peers.words import spoken_words
from bench.report import machine, write
from bench.speech import Speech, meetings
from bench.usage import measure_usage
from deploy.fresh import MODELS, ROOT
from schema.core.errors import MinutebookError
from schema.core.units import BYTES_PER_SAMPLE, samples_of_s
from workers.asr.weights.bundled_weights import BUNDLED
from workers.asr.weights.source import resolve

MODEL = "tiny.en"
REFERENCE = f"package:{MODEL}"
WARM_UP_S = 8.0
COALESCE_S = 0.5


def main() -> int:
    arguments = _arguments()
    console = Console()
    counts = [int(count) for count in arguments.n.split(",")]
    try:
        measured = _compare(console, counts, arguments)
    except MinutebookError as error:
        print(f"bench: {error.detail}", file=sys.stderr)
        return 1
    console.print(report.table(measured))
    console.print(f"{measured['machine']['cpu']}, {measured['machine']['cores']} cores; figures in {arguments.out}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", default=os.environ.get("N", "1,2"), help="streams at once, such as 1,2")
    parser.add_argument("--minutes", type=float, default=1.5, help="length of each stream")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument(
        "--shared", type=Path, default=Path(os.environ.get("MINUTEBOOK_SHARED", ROOT.parent / "shared"))
    )
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "bench" / "peers.json")
    return parser.parse_args()


def _compare(console: Console, counts: Sequence[int], arguments: argparse.Namespace) -> dict[str, Any]:
    ctranslate = BUNDLED[MODEL].folder()
    kits = [whisper_live_kit(ctranslate, resolve(REFERENCE, MODELS), coalesce_s) for coalesce_s in (0.0, COALESCE_S)]
    systems = [minutebook(REFERENCE), *kits, whisper_live(ctranslate, max(counts))]
    speeches = meetings(arguments.shared, max(counts), 60 * arguments.minutes)
    console.print("transcribing the speech offline, for the times of its words", style="dim")
    spoken = {speech.name: spoken_words(server.PYTHON, ctranslate, speech) for speech in speeches}
    figures: list[dict[str, Any]] = []
    measured = {
        "machine": machine(),
        "model": REFERENCE,
        "systems": [{"name": each.name, "version": each.version, "how": each.how} for each in systems],
        "streams": [{"name": speech.name, "seconds": round(speech.seconds, 1)} for speech in speeches],
        "runs": figures,
    }
    for count in counts:
        runs = _in_turn(console, systems, speeches[:count], arguments.repeats)
        figures += [report.figures(count, system, runs[system.name], spoken) for system in systems]
        write(arguments.out, measured)  # if a later count fails, the figures of this one are kept
    return measured


def _in_turn(
    console: Console, systems: Sequence[PeerSystem], speeches: Sequence[Speech], repeats: int
) -> dict[str, list[report.PeerRun]]:
    """Alternates between the systems, so that other load on the machine affects them alike."""
    runs: dict[str, list[report.PeerRun]] = {system.name: [] for system in systems}
    for number in range(repeats):
        for system in systems:
            what = f"{system.name}, {len(speeches)} at once, {number + 1} of {repeats}"
            console.print(what, style="dim", highlight=False)
            with system.started() as running:
                runs[system.name].append(asyncio.run(_run(running, speeches)))
    return runs


async def _run(running: RunningPeer, speeches: Sequence[Speech]) -> report.PeerRun:
    await running.stream(_beginning(speeches[0]))
    async with measure_usage(running.processes) as usage:
        streams = await asyncio.gather(
            *(_later(running, speech, index / len(speeches)) for index, speech in enumerate(speeches))
        )
    return report.PeerRun(streams, usage.cpu_s, usage.peak_rss_bytes)


async def _later(running: RunningPeer, speech: Speech, delay_s: float) -> PeerStream:
    """Stream after a delay, so that the streams are not in step."""
    await asyncio.sleep(delay_s)
    return await running.stream(speech)


def _beginning(speech: Speech) -> Speech:
    return Speech("warm-up", speech.pcm[: samples_of_s(WARM_UP_S) * BYTES_PER_SAMPLE], "")


if __name__ == "__main__":
    sys.exit(main())
