"""The progress of a run: `curve.csv`, event files for TensorBoard, and a progress bar at the terminal."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from training.runs.run_folder import write_whole


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """The state of a run after *step* optimiser steps. `best` is the lowest dev loss, `stale` the evaluations since
    then.
    """

    step: int = 0
    epoch: int = 0
    batches: int = 0
    examples: int = 0
    best: float = math.inf
    best_step: int = 0
    stale: int = 0
    train_s: float = 0.0
    """Time in training steps, without evaluations and checkpoints."""
    processor_s: float = 0.0
    """Processor time of this process in these steps, over all cores. Other work on the machine does not count."""


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """The figures of one optimiser step, such as its loss. `dev` has those of the dev set if it was evaluated."""

    progress: TrainingProgress
    figures: Mapping[str, float]
    dev: Mapping[str, float] = field(default_factory=dict)


CURVE_FILE = "curve.csv"
CurveRow = dict[str, float]


class Curve:
    """Writes `curve.csv` and the event files of the run in *folder*. Rows after *step* are removed, since a resumed run
    repeats these steps.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboardX import SummaryWriter

        self._path = folder / CURVE_FILE
        self.rows = [row for row in read_curve(self._path) if row["step"] <= step] if self._path.exists() else []
        self._rewrite()
        self._events: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)

    def add(self, step: TrainingStep) -> None:
        """Add one optimiser step."""
        row: CurveRow = {
            "step": step.progress.step,
            "epoch": step.progress.epoch,
            **{f"train_{name}": value for name, value in step.figures.items()},
            **{f"dev_{name}": value for name, value in step.dev.items()},
        }
        new = [name for name in row if name not in self._columns]
        self.rows.append(row)
        if new:
            self._rewrite()
        else:
            with self._path.open("a", newline="") as file:
                csv.DictWriter(file, self._columns).writerow(row)
        for name, value in row.items():
            self._events.add_scalar(name.replace("_", "/", 1), value, int(row["step"]))

    def close(self) -> None:
        self._events.close()

    def _rewrite(self) -> None:
        self._columns = list(dict.fromkeys(name for row in self.rows for name in row))
        text = StringIO(newline="")
        writer = csv.DictWriter(text, self._columns)
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self._path, text.getvalue())


def read_curve(path: Path) -> list[CurveRow]:
    """The rows of a `curve.csv`, each with the figures that it has. An incomplete last line is skipped."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {name: float(value) for name, value in row.items() if value}
        for row in rows
        if all(value is not None for value in row.values())
    ]


def points(rows: Sequence[CurveRow], name: str) -> list[tuple[float, float]]:
    """(step, figure) of every row that has *name*."""
    return [(row["step"], row[name]) for row in rows if name in row]


class ProgressBar:
    """A bar with the remaining time for a run of *total* steps, of which *done* are finished, and a line per
    evaluation.
    """

    def __init__(self, name: str, done: int, total: int) -> None:
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._line = self._bar.add_task(name, total=total, completed=done, loss="")

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, step: TrainingStep) -> None:
        self._bar.update(self._line, completed=step.progress.step, loss=f"loss {step.figures['loss']:.4f}")
        if step.dev:
            figures = ", ".join(f"{name} {value:.4g}" for name, value in step.dev.items())
            self._bar.console.print(f"step {step.progress.step}: dev {figures}", highlight=False)
