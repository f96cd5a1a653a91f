"""A grid of runs over method, rank and precision; one table and its charts at the end.

Each place of the grid is a run of its own, so a sweep that is stopped goes on where it was, and a place that cannot
work (rank above the width, a precision that this machine lacks) is a line in the table, not the end.
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
from training.runs.config import Config, Precision, Section, changed, checked, dump, read_yaml, validated
from training.runs.run_folder import METRICS

log = logging.getLogger(__name__)
TABLE, FIGURES = "sweep.md", "sweep.json"
COSTS = ("trained share", "MB model", "MB result", "s a step", "processor s a step", "GB peak")
EXPLAINED = (
    "In brackets: how much that is above the base model of the same precision, and the 95 % interval of this. "
    "`MB model` is base and adapter in memory while training, `MB result` what was learnt, on disk."
)
_INTERRUPTED = 130


class Grid(Section):
    """A sweep's settings. `run` is the configuration that every run begins from, beside this file."""

    run: str
    methods: tuple[Literal["full", "lora", "adalora"], ...] = ("lora", "adalora")
    ranks: tuple[int, ...] = (4, 8, 16, 32, 64)
    precisions: tuple[Precision, ...] = ("bfloat16", "int8", "int4")


@dataclass(frozen=True, slots=True)
class Place:
    """One run of the grid; method `full` has no rank, 0."""

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
class Outcome:
    """What came of a place: its metrics, or what was wrong."""

    place: Place
    metrics: Mapping[str, Any] | None
    fault: str = ""


def places(grid: Grid) -> list[Place]:
    """Every place of *grid* once, those of one rank together: what is done when it is stopped can be compared."""
    whole = [("full", 0)] if "full" in grid.methods else []
    factors = [(method, rank) for rank in grid.ranks for method in grid.methods if method != "full"]
    return [Place(method, rank, precision) for method, rank in whole + factors for precision in grid.precisions]


def sweep(path: Path, changes: Sequence[str], runs: Path, command: str) -> Path:
    """Do every run of the grid in *path* that is not done, and write the table after each.

    Raises InvalidConfig, Interrupted.
    """
    grid = validated(Grid, read_yaml(path), str(path))
    base = path.parent / grid.run
    values = changed(read_yaml(base), changes)
    folder = runs / checked(base, values).name
    folder.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    for place in places(grid):
        config = checked(base, changed(values, [*place.changes(), f"name={place.name}"]))
        outcomes.append(_done(place, config, folder, command))
        _write(folder, command, outcomes)
    return folder / TABLE


def _done(place: Place, config: Config, folder: Path, command: str) -> Outcome:
    """Run *config*, in a process of its own so that its memory is its own. Raises Interrupted."""
    settings = folder / f"{place.name}.yaml"
    settings.write_text(dump(config), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "training", "train", str(settings), "--runs", str(folder)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if ended.returncode in (_INTERRUPTED, -2):
        raise Interrupted(f"The sweep stopped in {place.name}, which is saved. Go on with: {command}")
    metrics = folder / place.name / METRICS
    if ended.returncode == 0 and metrics.exists():
        log.warning("%s is done", place.name)
        return Outcome(place, json.loads(metrics.read_text()))
    fault = (ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"])[-1].removeprefix("error: ")
    log.warning("%s failed: %s", place.name, fault)
    return Outcome(place, None, fault)


def _write(folder: Path, command: str, outcomes: Sequence[Outcome]) -> None:
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


def _served(outcome: Outcome) -> Mapping[str, float]:
    return outcome.metrics["served"] if outcome.metrics else {}


def _row(outcome: Outcome, measures: Sequence[str]) -> list[str]:
    place, metrics = outcome.place, outcome.metrics
    first = [place.method, str(place.rank or "-"), place.precision]
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


def _chart(folder: Path, measure: str, done: Sequence[Outcome]) -> Path:
    """*measure* over the rank, a line for each method and precision."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for outcome in done:
        if measure in _served(outcome):
            name = f"{outcome.place.method} {outcome.place.precision}"
            lines.setdefault(name, []).append((outcome.place.rank, _served(outcome)[measure]))
    path = folder / f"{measure}.svg"
    path.write_text(line_chart(measure, "rank", lines), encoding="utf-8")
    return path
