"""A run's figures step by step: `curve.csv` for people and programs, event files for TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from training.runs.loop import Step
from training.runs.run_folder import write_whole

NAME = "curve.csv"
Row = dict[str, float]


class Curve:
    """Writes both for the run in *folder*; rows behind *step* are of a past that a resumed run does not have."""

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboardX import SummaryWriter

        self._path = folder / NAME
        self.rows = [row for row in read_curve(self._path) if row["step"] <= step] if self._path.exists() else []
        self._rewrite()
        self._events: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)

    def add(self, step: Step) -> None:
        """One optimiser step."""
        row: Row = {
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


def read_curve(path: Path) -> list[Row]:
    """Rows of a `curve.csv`, each with the figures that it has. A last line that was cut off is left out."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {name: float(value) for name, value in row.items() if value}
        for row in rows
        if all(value is not None for value in row.values())
    ]


def points(rows: Sequence[Row], name: str) -> list[tuple[float, float]]:
    """(step, figure) of every row that has *name*."""
    return [(row["step"], row[name]) for row in rows if name in row]
