"""The report of a run: `report.md` and its charts, made from `metrics.json` and `curve.csv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.runs.chart import Points, line_chart
from training.runs.progress import CurveRow, points

REPORT_FILE = "report.md"
_SMOOTHED = 0.9


def write_report(folder: Path, command: str, metrics: Mapping[str, Any], rows: Sequence[CurveRow]) -> Path:
    """Write the report of the run in *folder*, with its charts next to it."""
    charts = _charts(folder, rows)
    text = "\n\n".join(
        [
            f"# {metrics['name']}",
            f"Made by `{command}`.",
            *(f"![{title}]({path.name})" for title, path in charts),
            *(_section(title, metrics[key]) for key, title in _SECTIONS.items() if metrics.get(key)),
        ]
    )
    path = folder / REPORT_FILE
    path.write_text(text + "\n", encoding="utf-8")
    return path


_SECTIONS = {
    "served": "Dev set, with the result in the serving engine",
    "dev": "Dev set during training, with the weights that were kept",
    "training": "Training",
    "cost": "Time, memory, size",
    "ranks": "Rank of each layer",
}


def _section(title: str, figures: Mapping[str, Any]) -> str:
    rows = "\n".join(f"| {name} | {_format(value)} |" for name, value in figures.items())
    return f"## {title}\n\n| figure | value |\n| --- | --- |\n{rows}"


def _format(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _charts(folder: Path, rows: Sequence[CurveRow]) -> list[tuple[str, Path]]:
    train = _smoothed(points(rows, "train_loss"))
    drawn = {"Loss": {"train, smoothed": train, "dev": points(rows, "dev_loss")}}
    for name in sorted({name for row in rows for name in row if name.startswith("dev_")} - {"dev_loss"}):
        drawn[f"Dev {name.removeprefix('dev_')}"] = {"dev": points(rows, name)}
    drawn["Learning rate"] = {"learning rate": points(rows, "train_learning_rate")}
    charts = []
    for title, lines in drawn.items():
        path = folder / f"{title.lower().replace(' ', '-')}.svg"
        path.write_text(line_chart(title, "step", lines), encoding="utf-8")
        charts.append((title, path))
    return charts


def _smoothed(line: Points) -> list[tuple[float, float]]:
    """The exponential moving average, without bias at the beginning."""
    mean, weight, smooth = 0.0, 0.0, []
    for x, y in line:
        mean = _SMOOTHED * mean + (1 - _SMOOTHED) * y
        weight = _SMOOTHED * weight + (1 - _SMOOTHED)
        smooth.append((x, mean / weight))
    return smooth
