"""What telling speakers apart costs live meetings: their latency with and without it, in turn.

    N=1,8 python -m bench.speakers.live [--minutes 1.5] [--repeats 2] [--out var/bench/speakers-live.json]

Each repeat streams the meetings of `bench.live` to one stack with `MINUTEBOOK_SPEAKERS=off` and to one with `auto`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from api.client.latency import quantiles
from bench.live import Repeat, stream_all
from bench.report import machine, write
from bench.speech import meetings
from deploy.fresh import ROOT, fresh_stack
from schema.core.errors import MinutebookError

FOLDER = ROOT / "var" / "bench" / "stack"
SETTINGS = ("off", "auto")


def main() -> int:
    arguments = _arguments()
    counts = [int(count) for count in arguments.n.split(",")]
    speeches = meetings(arguments.shared, max(counts), 60 * arguments.minutes)
    runs: dict[tuple[int, str], list[Repeat]] = defaultdict(list)
    console = Console()
    try:
        for number in range(arguments.repeats):
            # The order changes, so that neither always runs on the warmer machine.
            for voices in SETTINGS[:: 1 if number % 2 else -1]:
                console.print(f"speakers {voices}, {number + 1} of {arguments.repeats}", style="dim", highlight=False)
                with fresh_stack(FOLDER, environment={"MINUTEBOOK_SPEAKERS": voices}) as stack:
                    for count in counts:
                        runs[count, voices].append(asyncio.run(stream_all(stack, speeches[:count])))
    except MinutebookError as error:
        print(f"bench: {error.detail}", file=sys.stderr)
        return 1
    rows = [_row(count, runs) for count in counts]
    write(arguments.out, {"machine": machine(), "rows": rows})
    console.print(_table(rows))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", default=os.environ.get("N", "1,8"), help="meetings at once, such as 1,8")
    parser.add_argument("--minutes", type=float, default=1.5, help="length of each meeting")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument(
        "--shared", type=Path, default=Path(os.environ.get("MINUTEBOOK_SHARED", ROOT.parent / "shared"))
    )
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "bench" / "speakers-live.json")
    return parser.parse_args()


def _row(count: int, runs: dict[tuple[int, str], list[Repeat]]) -> dict[str, Any]:
    """The figures of *count* meetings at once: latencies of both settings, and the ratio of their p95."""
    told = {voices: _figures(runs[count, voices]) for voices in SETTINGS}
    p95 = [told[voices]["committed_ms"]["p95"] for voices in SETTINGS]
    return {"n": count, **told, "p95_ratio": round(p95[1] / p95[0], 3)}


def _figures(repeats: Sequence[Repeat]) -> dict[str, Any]:
    heard = [each for repeat in repeats for each in repeat.meetings]
    sent_s = sum(each.speech.seconds for each in heard)
    return {
        "committed_ms": quantiles([ms for each in heard for ms in each.meter.committed_ms], 0.5, 0.95),
        "cpu_s_per_audio_s": round(sum(repeat.cpu_s for repeat in repeats) / sent_s, 3),
        "peak_rss_mb": round(max(repeat.peak_rss_bytes for repeat in repeats) / 1000**2),
    }


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    shown = Table("N", "speakers", "committed p50, p95 s", "CPU s/s", "RSS", "p95, times off")
    for row in rows:
        for voices in SETTINGS:
            told = row[voices]
            latency = " ".join(f"{ms / 1000:.2f}" for ms in told["committed_ms"].values())
            ratio = "" if voices == "off" else f"{row['p95_ratio']:.2f}"
            shown.add_row(
                str(row["n"]), voices, latency, f"{told['cpu_s_per_audio_s']:.2f}", f"{told['peak_rss_mb']} MB", ratio
            )
    return shown


if __name__ == "__main__":
    sys.exit(main())
