"""The training loop for any task and method, on one device or several.

The gradient of a step is that of the mean over all units (target tokens) of its batch, no matter how the batch is split
into micro-batches and among processes. So neither changes the result. If memory runs out, the micro-batch is halved and
the step repeated.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from schema.core.errors import NotFinite
from training.networks.methods import Full
from training.runs.batch_loader import BatchLoader, BatchPosition, StepBatches
from training.runs.checkpoint import Checkpoints, random_state, restore_random_state
from training.runs.config import RunConfig
from training.runs.memory import is_out_of_memory, one_example_too_large
from training.runs.optimiser import build_optimiser, learning_rate
from training.runs.progress import TrainingProgress, TrainingStep
from training.runs.task import TrainingTask
from workers.models import libraries

log = logging.getLogger(__name__)
EVALUATIONS = 20
"""Evaluations per run, if the configuration does not set an interval."""
_RELEASE_MEMORY_EVERY_S = 60.0
"""Memory is not returned more often, since the next step has to request it again."""
_RELEASE_MEMORY_SHARE = 0.01
"""Upper bound for the fraction of time spent on returning memory."""


class Loop:
    """One run of *task*. `checkpoints` and *on_step* may be None on processes that only compute."""

    def __init__(
        self,
        task: TrainingTask,
        config: RunConfig,
        method: Full,
        devices: Any,
        checkpoints: Checkpoints | None,
        on_step: Callable[[TrainingStep], None] | None = None,
        stop_asked: Callable[[], bool] = lambda: False,
    ) -> None:
        """*devices* is accelerate's `Accelerator`. *stop_asked* is checked after every step."""
        self.task, self.config, self.method = task, config, method
        self.progress = TrainingProgress()
        self.total_steps = config.total_steps(len(task.lengths))
        self.stopped = False
        self._devices = devices
        self._device = str(devices.device)
        self._checkpoints, self._on_step, self._stop_asked = checkpoints, on_step, stop_asked
        self._trained = {name: p for name, p in task.net.named_parameters() if p.requires_grad}
        self._optimiser = build_optimiser(task.net, config, self._device)
        # Gradients in float16, which has five exponent bits, vanish unless they are scaled up.
        half = any(p.dtype == torch.float16 for p in task.net.parameters())
        self._scaler = torch.amp.GradScaler(self._device.partition(":")[0], enabled=half)
        self._best: dict[str, torch.Tensor] = {}
        self._saved_step = 0
        self._give_back_at_s = 0.0
        looks = max(1, self.total_steps // EVALUATIONS)
        self._evaluate_every = config.evaluate_every or looks
        self._checkpoint_every = config.checkpoint_every or self._evaluate_every

    def run(self) -> TrainingProgress:
        """Train to the end, or until `stop_asked`; then `stopped` is set and a checkpoint has been written.

        Raises NotFinite (with the ids of the batch), OutOfMemory, StorageFull, and what the task raises.
        """
        start = BatchPosition(self.progress.epoch, self.progress.batches)
        with BatchLoader(
            self.task, self.config, start, self._devices.process_index, self._devices.num_processes
        ) as loader:
            while self.progress.step < self.total_steps and not self._out_of_patience():
                self._run_step(loader)
                if self._any_process(self._stop_asked()):
                    self.stopped = self.progress.step < self.total_steps
                    self._checkpoint(always=True)
                    break
        return self.progress

    def restore_best(self) -> None:
        """Restore the weights with the lowest dev loss."""
        with torch.no_grad():
            for name, weights in self._best.items():
                self._trained[name].copy_(weights)

    def _run_step(self, loader: BatchLoader) -> None:
        began, began_processor = time.perf_counter(), time.process_time()
        work = loader.next()
        figures = self._step(loader, work)
        done = self.progress
        self.progress = replace(
            done,
            step=done.step + 1,
            epoch=work.after.epoch,
            batches=work.after.batches,
            examples=done.examples + int(figures["examples"]),
            train_s=done.train_s + time.perf_counter() - began,
            processor_s=done.processor_s + time.process_time() - began_processor,
        )
        step = self.progress.step
        dev = self._evaluate() if step % self._evaluate_every == 0 or step == self.total_steps else {}
        if self._on_step:
            self._on_step(TrainingStep(self.progress, figures, dev))
        self._checkpoint()
        self._release_memory()

    def _release_memory(self) -> None:
        """Return memory to the system. Batches of varying length leave holes in the heap, which would grow with every
        step.
        """
        began_s = time.monotonic()
        if self._device.startswith("cuda") or began_s < self._give_back_at_s:
            return
        libraries.give_back_memory()
        ended_s = time.monotonic()
        self._give_back_at_s = ended_s + max(_RELEASE_MEMORY_EVERY_S, (ended_s - began_s) / _RELEASE_MEMORY_SHARE)

    def _step(self, loader: BatchLoader, work: StepBatches) -> dict[str, float]:
        """Compute the gradient, clip it and update the weights."""
        self.task.net.train()
        rate = learning_rate(self.config, self.progress.step, self.total_steps)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        units, examples = self._summed(
            sum(batch.units for _, batch in work.parts), sum(len(batch.ids) for _, batch in work.parts)
        )
        losses = self._gradient(loader, work, units)
        loss, penalty = self._finish_gradient(losses, units)
        self._scaler.unscale_(self._optimiser)
        trained = [p for p in self._trained.values() if p.grad is not None]
        norm = torch.nn.utils.clip_grad_norm_(trained, self.config.clip_norm)
        self._check_finite(work, losses, norm)
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self.method.after_step(self.progress.step + 1)
        self._optimiser.zero_grad(set_to_none=True)
        return {
            "loss": loss, "penalty": penalty, "gradient_norm": float(norm), "learning_rate": rate, "units": units,
            "examples": examples,
        }  # fmt: skip

    def _gradient(self, loader: BatchLoader, work: StepBatches, units: float) -> list[torch.Tensor]:
        """Add up the gradients of all micro-batches. Halve these if memory runs out. Returns the sums of their
        losses.
        """
        while True:
            if any(len(indices) > loader.micro_batch for indices, _ in work.parts):
                loader.split_again(work)
            try:
                return [self._backward(batch.to(self._device), units) for _, batch in work.parts]
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                fault = str(error)
            # This is outside the handler, whose traceback keeps the tensors alive that did not fit.
            self._optimiser.zero_grad(set_to_none=True)
            self._halve(loader, fault)

    def _backward(self, batch: Any, units: float) -> torch.Tensor:
        loss = self.task.loss(batch)
        self._scaler.scale(loss / units).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _halve(self, loader: BatchLoader, fault: str) -> None:
        if loader.micro_batch == 1:
            raise one_example_too_large(self._device, fault)
        loader.micro_batch = -(-loader.micro_batch // 2)
        log.warning("memory ran out on %s; continuing with %d examples at once", self._device, loader.micro_batch)
        if self._device.startswith("cuda"):
            torch.cuda.empty_cache()

    def _finish_gradient(self, losses: list[torch.Tensor], units: float) -> tuple[float, float]:
        """Add the method's penalty, then sum the gradients of all processes. Returns the mean loss per unit, and the
        penalty.
        """
        penalty = self.method.penalty()
        if penalty is not None:
            # Every process computes the same penalty, and the gradients are summed.
            self._scaler.scale(penalty / self._devices.num_processes).backward()
        if self._devices.num_processes > 1:
            self._sum_gradients()
        total, _ = self._summed(float(sum(float(loss) for loss in losses)), 0)
        return total / units, 0.0 if penalty is None else float(penalty.detach())

    def _sum_gradients(self) -> None:
        """Sum all gradients in one message. A process with an empty share of the batch contributes zeros."""
        for parameter in self._trained.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in self._trained.values() if p.grad is not None]
        summed = self._devices.reduce(torch.cat([gradient.flatten() for gradient in gradients]), "sum")
        for gradient, part in zip(gradients, summed.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def _summed(self, *values: float) -> tuple[float, ...]:
        if self._devices.num_processes == 1:
            return values
        together = torch.tensor(values, dtype=torch.float64, device=self._device)
        return tuple(self._devices.reduce(together, "sum").tolist())

    def _any_process(self, asked: bool) -> bool:
        return self._summed(float(asked))[0] > 0

    def _check_finite(self, work: StepBatches, losses: list[torch.Tensor], norm: torch.Tensor) -> None:
        """Raises NotFinite before anything is changed. With scaled gradients, a scale that is too high is not an
        error.
        """
        wrong = [batch.ids for (_, batch), loss in zip(work.parts, losses, strict=True) if not math.isfinite(loss)]
        if not wrong and not self._scaler.is_enabled() and not math.isfinite(norm):
            wrong = [batch.ids for _, batch in work.parts]
        if self._any_process(bool(wrong)):
            ids = [name for names in wrong for name in names]
            named = ", ".join(ids) or "on another process"
            raise NotFinite(
                f"The loss of step {self.progress.step + 1} is not a number. Examples: {named}. The same run will fail "
                "again: check these examples or lower learning_rate, and start over with --fresh, or in a new run "
                "with --set name=...",
                ids=ids,
            )

    def _evaluate(self) -> dict[str, float]:
        self.task.net.eval()
        with torch.no_grad():
            dev = self.task.evaluate()
        if not self.method.may_keep(self.progress.step):
            return dev
        if dev["loss"] < self.progress.best:
            self._best = {name: p.detach().cpu().clone() for name, p in self._trained.items()}
            self.progress = replace(self.progress, best=dev["loss"], best_step=self.progress.step, stale=0)
        else:
            self.progress = replace(self.progress, stale=self.progress.stale + 1)
        return dev

    def _out_of_patience(self) -> bool:
        return 0 < self.config.patience <= self.progress.stale

    def _checkpoint(self, always: bool = False) -> None:
        step = self.progress.step
        due = always or step % self._checkpoint_every == 0 or step == self.total_steps
        if self._checkpoints and due and step != self._saved_step:
            self._checkpoints.save(step, self.state())
            self._saved_step = step

    def state(self) -> dict[str, Any]:
        """Everything that a later process needs to continue exactly as this one would."""
        return {
            "progress": {name: getattr(self.progress, name) for name in TrainingProgress.__slots__},
            "trained": {name: p.detach() for name, p in self._trained.items()},
            "best": self._best,
            "optimiser": self._optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
            "method": self.method.state(),
            "random": random_state(),
            "fingerprint": self.task.fingerprint,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from *state*. The caller has checked that data and configuration are the same."""
        with torch.no_grad():
            for name, parameter in self._trained.items():
                parameter.copy_(state["trained"][name])
        self._best = dict(state["best"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._scaler.load_state_dict(state["scaler"])
        self.method.restore(state["method"])
        self.progress = TrainingProgress(**state["progress"])
        restore_random_state(state["random"])
