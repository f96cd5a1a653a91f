"""The figures of a run, for the file and as a table."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.table import Table

from api.client.latency import quantiles
from schema.meetings.wire import CoverageTotals

KINDS = ("transcribed_s", "silent_s", "missing_s", "failed_s", "shed_s")


@dataclass(frozen=True, slots=True)
class Measured:
    """The results of *n* simultaneous meetings over all repeats. `*_each` lists the repeats separately."""

    n: int
    committed_ms: Sequence[Sequence[float]]
    """By repeat."""
    partial_ms: Sequence[float]
    ack_ms: Sequence[float]
    coverage: Sequence[CoverageTotals]
    sent_s: float
    cpu_s: float
    client_cpu_s: float
    peak_rss_bytes: int
    reconnects: int
    wer_paced: float
    wer_offline: float

    def figures(self) -> dict[str, Any]:
        totals = {kind: round(sum(getattr(each, kind) for each in self.coverage), 3) for kind in KINDS}
        return {
            "n": self.n,
            "repeats": len(self.committed_ms),
            "committed_ms": quantiles([ms for each in self.committed_ms for ms in each], 0.5, 0.95, 0.99),
            "committed_p95_ms_each": [quantiles(each, 0.95)["p95"] for each in self.committed_ms],
            "partial_ms": quantiles(self.partial_ms, 0.5, 0.95, 0.99),
            "wer_paced": round(self.wer_paced, 4),
            "wer_offline": round(self.wer_offline, 4),
            "coverage": totals,
            "dropped": round(self.sent_s - sum(totals.values()), 3),
            "cpu_s_per_audio_s": round(self.cpu_s / self.sent_s, 3),
            "client_cpu_s_per_audio_s": round(self.client_cpu_s / self.sent_s, 3),
            "peak_rss_mb": round(self.peak_rss_bytes / 1000**2),
            "append_ack_ms": quantiles(self.ack_ms, 0.5, 0.99),
            "reconnects": self.reconnects,
        }


def write(path: Path, report: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")


def table(report: dict[str, Any]) -> Table:
    """Latencies are in seconds, at 50, 95 and 99 % of the words."""
    heads = ("N", "committed s", "partial s", "WER paced/offline", "dropped", "CPU s/s", "RSS", "ack p99")
    shown = Table(*heads, title=str(report["model"]))
    for run in report["runs"]:
        shown.add_row(
            str(run["n"]),
            _seconds(run["committed_ms"]),
            _seconds(run["partial_ms"]),
            f"{100 * run['wer_paced']:.1f} / {100 * run['wer_offline']:.1f} %",
            f"{run['dropped']:.1f} s",
            f"{run['cpu_s_per_audio_s']:.2f}",
            f"{run['peak_rss_mb']} MB",
            f"{run['append_ack_ms']['p99']:.0f} ms",
        )
    return shown


def _seconds(quantiles_ms: dict[str, float]) -> str:
    return " ".join(f"{ms / 1000:.2f}" for ms in quantiles_ms.values())


TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def machine() -> dict[str, Any]:
    """Processor, cores, the instructions that matter to models, memory and system."""
    facts = _cpu_facts(Path("/proc/cpuinfo"))
    flags = set(facts.get("flags", "").split())
    return {
        "cpu": facts.get("model name") or platform.processor() or platform.machine(),
        "cpu_family_model_stepping": "/".join(facts.get(key, "?") for key in ("cpu family", "model", "stepping")),
        "cores": psutil.cpu_count(logical=True),
        "flags": [flag for flag in TELLING_FLAGS if flag in flags],
        "memory_gb": round(psutil.virtual_memory().total / 1000**3, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _cpu_facts(path: Path) -> dict[str, str]:
    """The fields of the first processor in cpuinfo; empty if there is no such file."""
    if not path.exists():
        return {}
    lines = (line.partition(":") for line in path.read_text().split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
