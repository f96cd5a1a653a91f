"""What a person at the terminal sees of a run: a bar with the time that is left, a line for each evaluation."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.runs.loop import Step


class ProgressBar:
    """Of a run of *total* steps that stands at *done*."""

    def __init__(self, name: str, done: int, total: int) -> None:
        self._bar = Progress(
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

    def show(self, step: Step) -> None:
        self._bar.update(self._line, completed=step.progress.step, loss=f"loss {step.figures['loss']:.4f}")
        if step.dev:
            figures = ", ".join(f"{name} {value:.4g}" for name, value in step.dev.items())
            self._bar.console.print(f"step {step.progress.step}: dev {figures}", highlight=False)
