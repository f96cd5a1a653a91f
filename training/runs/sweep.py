"""Runs a grid over method, rank and precision, and writes one table with charts.

Each point of the grid is a run of its own, so an interrupted sweep resumes where it stopped. A point that cannot work
(rank above the width, a precision that this machine lacks) becomes a line in the table instead of an error.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from schema.core.errors import Interrupted
from training.metrics.bootstrap import BASE, CHANGE, HIGH, LOW
from training.runs.chart import line_chart
from training.runs.config import (
    RunConfig,
    Section,
    TrainingPrecision,
    apply_changes,
    parse_config,
    read_yaml,
    to_yaml,
    validate,
)
from training.runs.run_folder import METRICS

log = logging.getLogger(__name__)
TABLE, FIGURES = "sweep.md", "sweep.json"
COSTS = ("trained share", "MB model", "MB result", "s a step", "processor s a step", "GB peak")
EXPLAINED = (
    "In brackets: the difference to the base model of the same precision, and its 95 % interval. "
    "`MB model` is base and adapter in memory during training, `MB result` the result on disk."
)
_INTERRUPTED = 130


class SweepGrid(Section):
    """The settings of a sweep. `run` names the configuration that all runs start from, relative to this file."""

    run: str
    methods: tuple[Literal["full", "lora", "adalora"], ...] = ("lora", "adalora")
    ranks: tuple[int, ...] = (4, 8, 16, 32, 64)
    precisions: tuple[TrainingPrecision, ...] = ("bfloat16", "int8", "int4")


@dataclass(frozen=True, slots=True)
class GridPoint:
    """One run of the grid. Method `full` has rank 0."""

    method: str
    rank: int
    precision: str

    @property
    def name(self) -> str:
        rank = f"-r{self.rank}" if self.rank else ""
        return f"{self.method}{rank}-{self.precision}"

    def changes(self) -> list[str]:
        rank = [f"method.rank={self.rank}"] if self.rank else []
        return [f"method.kind={self.method}", *rank, f"precision={self.precision}"]


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The result of a grid point: its metrics, or its error."""

    point: GridPoint
    metrics: Mapping[str, Any] | None
    fault: str = ""


def grid_points(grid: SweepGrid) -> list[GridPoint]:
    """All points of *grid*, grouped by rank, so that the finished points of an interrupted sweep can be compared."""
    full = [("full", 0)] if "full" in grid.methods else []
    low_rank = [(method, rank) for rank in grid.ranks for method in grid.methods if method != "full"]
    return [GridPoint(method, rank, precision) for method, rank in full + low_rank for precision in grid.precisions]


def sweep(path: Path, changes: Sequence[str], runs: Path, command: str) -> Path:
    """Carry out every run of the grid in *path* that is not done yet, and write the table after each.

    Raises InvalidConfig, Interrupted.
    """
    grid = validate(SweepGrid, read_yaml(path), str(path))
    base = path.parent / grid.run
    values = apply_changes(read_yaml(base), changes)
    folder = runs / parse_config(base, values).name
    folder.mkdir(parents=True, exist_ok=True)
    outcomes: list[RunOutcome] = []
    for point in grid_points(grid):
        config = parse_config(base, apply_changes(values, [*point.changes(), f"name={point.name}"]))
        outcomes.append(_run_point(point, config, folder, command))
        _write(folder, command, outcomes)
    return folder / TABLE


def _run_point(point: GridPoint, config: RunConfig, folder: Path, command: str) -> RunOutcome:
    """Run *config* in a process of its own, so that its memory is its own. Raises Interrupted."""
    settings = folder / f"{point.name}.yaml"
    settings.write_text(to_yaml(config), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "training", "train", str(settings), "--runs", str(folder)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if ended.returncode in (_INTERRUPTED, -2):
        raise Interrupted(f"The sweep stopped in {point.name}, whose state is saved. Resume with: {command}")
    metrics = folder / point.name / METRICS
    if ended.returncode == 0 and metrics.exists():
        log.warning("%s is done", point.name)
        return RunOutcome(point, json.loads(metrics.read_text()))
    fault = (ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"])[-1].removeprefix("error: ")
    log.warning("%s failed: %s", point.name, fault)
    return RunOutcome(point, None, fault)


def _write(folder: Path, command: str, outcomes: Sequence[RunOutcome]) -> None:
    done = [outcome for outcome in outcomes if outcome.metrics]
    measures = sorted({name for outcome in done for name in _served(outcome) if _is_measure(name)})
    (folder / FIGURES).write_text(json.dumps([outcome.metrics for outcome in done], indent=2) + "\n")
    charts = [_chart(folder, measure, done) for measure in measures]
    heads = ["method", "rank", "precision", *measures, *COSTS, "fault"]
    lines = [heads, ["---"] * len(heads), *(_row(outcome, measures) for outcome in outcomes)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    pictures = "\n\n".join(f"![{chart.stem}]({chart.name})" for chart in charts)
    text = f"# {folder.name}\n\nMade by `{command}`.\n\n{table}\n\n{EXPLAINED}\n\n{pictures}\n"
    (folder / TABLE).write_text(text, encoding="utf-8")


def _is_measure(name: str) -> bool:
    return not name.startswith(BASE) and not name.endswith((CHANGE, LOW, HIGH))


def _served(outcome: RunOutcome) -> Mapping[str, float]:
    return outcome.metrics["served"] if outcome.metrics else {}


def _row(outcome: RunOutcome, measures: Sequence[str]) -> list[str]:
    point, metrics = outcome.point, outcome.metrics
    first = [point.method, str(point.rank or "-"), point.precision]
    if not metrics:
        return [*first, *["-"] * (len(measures) + len(COSTS)), outcome.fault]
    cost = metrics["cost"]
    return [
        *first,
        *(_measured(metrics["served"], name) for name in measures),
        f"{metrics['training']['trained_share']:.4f}",
        f"{cost['model_bytes'] / 1e6:.1f}",
        f"{cost['result_bytes'] / 1e6:.2f}",
        f"{cost['step_s']:.2f}",
        f"{cost['step_processor_s']:.2f}",
        f"{cost['peak_bytes'] / 1e9:.2f}",
        "",
    ]


def _measured(served: Mapping[str, float], name: str) -> str:
    if name not in served:
        return "-"
    value = f"{served[name]:.4f}"
    if name + CHANGE not in served:
        return value
    return f"{value} ({served[name + CHANGE]:+.4f}, {served[name + LOW]:+.4f} to {served[name + HIGH]:+.4f})"


def _chart(folder: Path, measure: str, done: Sequence[RunOutcome]) -> Path:
    """A chart of *measure* over the rank, with a line for each method and precision."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for outcome in done:
        if measure in _served(outcome):
            name = f"{outcome.point.method} {outcome.point.precision}"
            lines.setdefault(name, []).append((outcome.point.rank, _served(outcome)[measure]))
    path = folder / f"{measure}.svg"
    path.write_text(line_chart(measure, "rank", lines), encoding="utf-8")
    return path
