"""Carries out one run, from its configuration to its folder: config.yaml, curve.csv, tensorboard/, checkpoints/,
adapter/, metrics.json, report.md.

The same command resumes an interrupted run, and says so if the run is finished.
"""

from __future__ import annotations

import json
import logging
import random
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import FrameType
from typing import Any

import numpy as np
import torch

from schema.core.errors import Conflict, Interrupted, InvalidConfig, OutOfMemory
from training.metrics.cost import folder_bytes, memory_bytes, trainable
from training.networks.compiled import compile_blocks
from training.networks.methods import Full, attach
from training.runs.checkpoint import Checkpoints
from training.runs.config import RunConfig
from training.runs.loop import Loop
from training.runs.memory import Estimate, estimate, peak_bytes
from training.runs.progress import CURVE_FILE as CURVE
from training.runs.progress import Curve, ProgressBar, TrainingProgress, TrainingStep, read_curve
from training.runs.report import write_report
from training.runs.run_folder import (
    METRICS,
    empty_folder,
    ensure_config,
    exclusive_lock,
    replace_folder,
    report_full_disk,
    write_whole,
)
from training.runs.task import TrainingTask
from workers.models.precision import choose_device

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunFolders:
    """Folders: *runs* contains one for each run, *models* is the workers' cache."""

    runs: Path
    models: Path


def recipes() -> list[str]:
    """The names of all recipes."""
    import training.recipes

    return sorted(module.name for module in iter_modules(training.recipes.__path__))


def train(config: RunConfig, folders: RunFolders, command: str, fresh: bool = False) -> dict[str, Any]:
    """Carry out the run of *config*, or what is left of it, and return its metrics. *command* started it, for messages.

    Raises InvalidConfig, Conflict (the folder holds another run, or another process uses it), Interrupted (Ctrl-C; says
    how to resume), StorageFull, and what loading, data and the loop raise.
    """
    folder = folders.runs / config.name
    devices = _accelerator(config)
    with report_full_disk(folder), ExitStack() as stack:
        if devices.is_main_process:
            stack.enter_context(exclusive_lock(folder))
            if fresh:
                empty_folder(folder)
            ensure_config(folder, config, command)
        devices.wait_for_everyone()
        if (folder / METRICS).exists():
            log.warning("%s is finished; --fresh starts over, --set name=... makes another run", folder)
            metrics: dict[str, Any] = json.loads((folder / METRICS).read_text())
            return metrics
        return _Run(config, folder, devices, command).do(folders.models)


class _Run:
    """A run in progress. Every process has one; only the main process writes."""

    def __init__(self, config: RunConfig, folder: Path, devices: Any, command: str) -> None:
        self.config, self.folder, self.devices, self.command = config, folder, devices, command
        self.device = str(devices.device)
        self.writes: bool = devices.is_main_process

    def do(self, models: Path) -> dict[str, Any]:
        _seed(self.config.seed)  # every process starts with the same adapter
        task = _build(self.config, models, self.device)
        total_steps = self.config.total_steps(len(task.lengths))
        method = attach(task.net, self.config.method, task.targets, total_steps)
        task.after_attach()
        needed = self._fit(task)
        if self.config.compile:
            compile_blocks(task.net, self.device)
        _seed(self.config.seed + self.devices.process_index)  # but with its own dropout
        loop = self._train(task, method)
        loop.restore_best()
        metrics = self._keep(task, method, loop.progress, needed) if self.writes else {}
        self.devices.wait_for_everyone()
        return metrics

    def _fit(self, task: TrainingTask) -> Estimate:
        """Estimate memory and lower the micro-batch to what fits. Raises OutOfMemory."""
        needed = estimate(task, self.device)
        wanted = self.config.micro_batch or task.micro_batch
        fitting = needed.largest_micro_batch(min(wanted, self.config.batch_size))
        gigabytes = {name: f"{getattr(needed, f'{name}_bytes') / 1e9:.2f}" for name in ("weights", "available")}
        if not fitting:
            raise OutOfMemory(
                f"One example needs about {needed.total_bytes(1) / 1e9:.2f} GB on {self.device} besides the model's "
                f"{gigabytes['weights']} GB, and {gigabytes['available']} GB are free. Set "
                "gradient_checkpointing=true, use "
                "precision int8 or int4, leave out the longest examples, or use a smaller model."
            )
        if self.writes:
            log.warning(
                "memory on %s: model %s GB, training about %.2f GB with %d examples at once, free %s GB",
                self.device, gigabytes["weights"], needed.total_bytes(fitting) / 1e9, fitting, gigabytes["available"],
            )  # fmt: skip
        self.config = self.config.model_copy(update={"micro_batch": fitting})
        return needed

    def _train(self, task: TrainingTask, method: Full) -> Loop:
        checkpoints = Checkpoints(self.folder / "checkpoints", self.config.checkpoints_kept)
        watchers: list[Callable[[TrainingStep], None]] = []

        def watch(step: TrainingStep) -> None:
            for each in watchers:
                each(step)

        with ExitStack() as stack:
            loop = Loop(
                task, self.config, method, self.devices,
                checkpoints if self.writes else None,
                watch,
                stack.enter_context(_interrupts()),
            )  # fmt: skip
            self._resume(loop, checkpoints)
            if self.writes:
                curve = Curve(self.folder, loop.progress.step)
                stack.callback(curve.close)
                bar = stack.enter_context(ProgressBar(self.config.name, loop.progress.step, loop.total_steps))
                watchers += [curve.add, bar.show]
            loop.run()
        if loop.stopped:
            raise Interrupted(
                f"Stopped after step {loop.progress.step} of {loop.total_steps}. The state is saved. "
                f"Resume with: {self.command}"
            )
        return loop

    def _resume(self, loop: Loop, checkpoints: Checkpoints) -> None:
        found = checkpoints.load_latest()
        if found is None:
            return
        step, state = found
        if state["fingerprint"] != loop.task.fingerprint:
            raise Conflict(
                f"The training data of {self.folder} changed after its checkpoint of step {step}. Restore "
                "the data, start over with --fresh, or choose another name with --set name=..."
            )
        loop.restore(state)
        if self.devices.process_index:
            # The state is that of the main process; the others draw their own dropout.
            _seed(self.config.seed + self.devices.process_index + step)
        elif self.writes:
            log.warning("resuming after step %d of %d", step, loop.total_steps)

    def _keep(self, task: TrainingTask, method: Full, progress: TrainingProgress, needed: Estimate) -> dict[str, Any]:
        """Write the result, measure it as it will be served, and write the report."""
        peak = peak_bytes(self.device)
        result = self.folder / ("model" if self.config.method.kind == "full" else "adapter")
        with replace_folder(result) as draft:
            method.save(draft, {"base_model": self.config.model, **task.metadata(), **_facts(self.config)})
            task.add_files(draft)
        rows = read_curve(self.folder / CURVE)
        best = next((row for row in rows if row["step"] == progress.best_step and "dev_loss" in row), {})
        trained = trainable(task.net)
        metrics = {
            "name": self.config.name,
            "served": task.measure(result),
            "dev": {name.removeprefix("dev_"): value for name, value in best.items() if name.startswith("dev_")},
            "training": {
                "steps": progress.step,
                "best_step": progress.best_step,
                "examples": progress.examples,
                "trained_parameters": trained.counted,
                "trained_share": trained.rate,
                "data_fingerprint": task.fingerprint,
            },
            "cost": {
                "train_s": progress.train_s,
                "step_s": progress.train_s / max(progress.step, 1),
                "step_processor_s": progress.processor_s / max(progress.step, 1),
                "examples_per_s": progress.examples / max(progress.train_s, 1e-9),
                "peak_bytes": peak,
                "estimated_bytes": needed.weights_bytes + needed.total_bytes(self.config.micro_batch),
                "model_bytes": memory_bytes(task.net),
                "result_bytes": folder_bytes(result),
                "processes": self.devices.num_processes,
                "device": self.device,
            },
            "ranks": method.ranks(),
        }
        write_report(self.folder, self.command, metrics, rows)
        write_whole(self.folder / METRICS, json.dumps(metrics, indent=2) + "\n")
        return metrics


def _facts(config: RunConfig) -> dict[str, object]:
    return {"method": config.method.kind, "rank": config.method.rank, "precision": config.precision, "run": config.name}


def _build(config: RunConfig, models: Path, device: str) -> TrainingTask:
    if config.recipe not in recipes():
        raise InvalidConfig(f"recipe {config.recipe!r} is unknown. Use one of: {', '.join(recipes())}.")
    recipe: Any = import_module(f"training.recipes.{config.recipe}")
    task: TrainingTask = recipe.build(config, models, device)
    if not len(task.lengths):
        raise InvalidConfig(f"train {config.train.source!r} has no examples in the split {config.train.split!r}.")
    return task


def _accelerator(config: RunConfig) -> Any:
    """accelerate's view of all processes; there is only this one unless `accelerate launch` started it."""
    from accelerate import Accelerator

    device = choose_device(config.device)
    return Accelerator(cpu=device == "cpu")


def _seed(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether Ctrl-C or SIGTERM came. The first lets the current step finish, a second one
    kills.
    """
    asked = False

    def note(number: int, _: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(number, before[number])
        log.warning("stopping after this step and saving; press again to stop at once")

    before: Mapping[int, Any] = {}
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
