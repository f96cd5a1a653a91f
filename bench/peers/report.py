"""The figures of the comparison, for the file and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from api.client.latency import quantiles
from bench.peers.system import PeerStream, PeerSystem
from bench.peers.words import SpokenWord, latencies_ms
from workers.asr.error_rates import word_error_rate


@dataclass(frozen=True, slots=True)
class PeerRun:
    """One run of a system with a number of simultaneous streams."""

    streams: Sequence[PeerStream]
    cpu_s: float
    peak_rss_bytes: int


def figures(
    n: int, system: PeerSystem, runs: Sequence[PeerRun], spoken: Mapping[str, Sequence[SpokenWord]]
) -> dict[str, Any]:
    """The figures of *system* with *n* simultaneous streams over all its runs. The keys of *spoken* are names of
    speeches.
    """
    streams = [each for run in runs for each in run.streams]
    measured = [_latencies_ms(run.streams, spoken) for run in runs]
    words = [ms for each in measured for ms in each]
    sent_s = sum(each.speech.seconds for each in streams)
    return {
        "n": n,
        "system": system.name,
        "runs": len(runs),
        "committed_ms": quantiles(words, 0.5, 0.95, 0.99),
        "committed_ms_each": [quantiles(each, 0.5, 0.95) for each in measured],
        "words_measured": round(len(words) / sum(len(spoken[each.speech.name]) for each in streams), 4),
        "wer": round(word_error_rate([(each.speech.reference, each.committed.text) for each in streams]), 4),
        "cpu_s_per_audio_s": round(sum(run.cpu_s for run in runs) / sent_s, 3),
        "peak_rss_mb": round(max(run.peak_rss_bytes for run in runs) / 1000**2),
        "cut_off": sum(each.cut_off for each in streams),
        "texts": [each.committed.text for each in streams],
    }


def _latencies_ms(streams: Sequence[PeerStream], spoken: Mapping[str, Sequence[SpokenWord]]) -> list[float]:
    return [ms for each in streams for ms in latencies_ms(each.committed, spoken[each.speech.name], each.sent)]


def table(report: dict[str, Any]) -> Table:
    """Latencies of committed words. The last column is the share of spoken words on which they are based."""
    shown = Table(
        "N", "system", "p50", "p95", "WER", "CPU s/s", "RSS", "words", title=f"committed words, {report['model']}"
    )
    for run in report["runs"]:
        shown.add_row(
            str(run["n"]),
            run["system"] + (f" ({run['cut_off']} cut off)" if run["cut_off"] else ""),
            f"{run['committed_ms']['p50'] / 1000:.2f} s",
            f"{run['committed_ms']['p95'] / 1000:.2f} s",
            f"{100 * run['wer']:.1f} %",
            f"{run['cpu_s_per_audio_s']:.2f}",
            f"{run['peak_rss_mb']} MB",
            f"{100 * run['words_measured']:.0f} %",
        )
    return shown
