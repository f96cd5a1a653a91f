"""The training loop: any task, any method, on one device or several.

The gradient of a step is that of the mean over all units (target tokens) of its batch, however the batch is cut into
micro-batches and shared out among processes. So neither changes the result, and memory that runs out is no end: the
micro-batch is halved and the step made again.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from schema.core.errors import NotFinite
from training.networks.methods import Full
from training.runs.checkpoint import Checkpoints, random_state, restore_random_state
from training.runs.config import Config
from training.runs.feed import Feed, Place, Work
from training.runs.memory import no_room_for_one, ran_out
from training.runs.optimiser import build_optimiser, learning_rate
from training.runs.task import Task
from workers.models import libraries

log = logging.getLogger(__name__)
LOOKS = 20
"""Evaluations in a run that does not say how often."""
_GIVE_BACK_EVERY_S = 60.0
"""Memory is given back no more often, since the next step has to ask for it again."""
_GIVE_BACK_SHARE = 0.01
"""Giving it back takes no larger part of the time."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands after *step* optimiser steps. `best` is the lowest dev loss, `stale` the evaluations since."""

    step: int = 0
    epoch: int = 0
    batches: int = 0
    examples: int = 0
    best: float = math.inf
    best_step: int = 0
    stale: int = 0
    train_s: float = 0.0
    """Time in training steps, evaluations and checkpoints left out."""
    processor_s: float = 0.0
    """What this process computed meanwhile, over all cores: other work on the machine does not count."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is told of one optimiser step: `figures` are its loss and the like, at an evaluation the dev set's too."""

    progress: Progress
    figures: Mapping[str, float]
    dev: Mapping[str, float] = field(default_factory=dict)


class Loop:
    """One run of *task*. `checkpoints` and *on_step* may be None on processes that only compute."""

    def __init__(
        self,
        task: Task,
        config: Config,
        method: Full,
        devices: Any,
        checkpoints: Checkpoints | None,
        on_step: Callable[[Step], None] | None = None,
        stop_asked: Callable[[], bool] = lambda: False,
    ) -> None:
        """*devices* is accelerate's `Accelerator`. *stop_asked* is looked at after every step."""
        self.task, self.config, self.method = task, config, method
        self.progress = Progress()
        self.total_steps = config.total_steps(len(task.lengths))
        self.stopped = False
        self._devices = devices
        self._device = str(devices.device)
        self._checkpoints, self._on_step, self._stop_asked = checkpoints, on_step, stop_asked
        self._trained = {name: p for name, p in task.net.named_parameters() if p.requires_grad}
        self._optimiser = build_optimiser(task.net, config, self._device)
        # Gradients of 16-bit floats with five bits of exponent vanish unless they are scaled up.
        half = any(p.dtype == torch.float16 for p in task.net.parameters())
        self._scaler = torch.amp.GradScaler(self._device.partition(":")[0], enabled=half)
        self._best: dict[str, torch.Tensor] = {}
        self._saved_step = 0
        self._give_back_at_s = 0.0
        looks = max(1, self.total_steps // LOOKS)
        self._evaluate_every = config.evaluate_every or looks
        self._checkpoint_every = config.checkpoint_every or self._evaluate_every

    def run(self) -> Progress:
        """Train to the end, or until `stop_asked`; then `stopped` is set and a checkpoint was written.

        Raises NotFinite (the ids of the batch), OutOfMemory, StorageFull, and what the task raises.
        """
        start = Place(self.progress.epoch, self.progress.batches)
        with Feed(self.task, self.config, start, self._devices.process_index, self._devices.num_processes) as feed:
            while self.progress.step < self.total_steps and not self._ran_stale():
                self._one(feed)
                if self._anybody(self._stop_asked()):
                    self.stopped = self.progress.step < self.total_steps
                    self._checkpoint(always=True)
                    break
        return self.progress

    def use_best(self) -> None:
        """Put the weights back for which the dev loss was lowest."""
        with torch.no_grad():
            for name, weights in self._best.items():
                self._trained[name].copy_(weights)

    def _one(self, feed: Feed) -> None:
        began, began_processor = time.perf_counter(), time.process_time()
        work = feed.next()
        figures = self._step(feed, work)
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
            self._on_step(Step(self.progress, figures, dev))
        self._checkpoint()
        self._give_back()

    def _give_back(self) -> None:
        """Batches of other lengths leave holes in the heap, so that a process would grow with every step."""
        began_s = time.monotonic()
        if self._device.startswith("cuda") or began_s < self._give_back_at_s:
            return
        libraries.give_back_memory()
        ended_s = time.monotonic()
        self._give_back_at_s = ended_s + max(_GIVE_BACK_EVERY_S, (ended_s - began_s) / _GIVE_BACK_SHARE)

    def _step(self, feed: Feed, work: Work) -> dict[str, float]:
        """Gradient, clipping, one move of the optimiser."""
        self.task.net.train()
        rate = learning_rate(self.config, self.progress.step, self.total_steps)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        units, examples = self._summed(
            sum(batch.units for _, batch in work.parts), sum(len(batch.ids) for _, batch in work.parts)
        )
        losses = self._gradient(feed, work, units)
        loss, penalty = self._share_out(losses, units)
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

    def _gradient(self, feed: Feed, work: Work, units: float) -> list[torch.Tensor]:
        """Add the gradient of every micro-batch up; halve them when memory runs out. Gives the sums of their losses."""
        while True:
            if any(len(places) > feed.micro_batch for places, _ in work.parts):
                feed.cut_smaller(work)
            try:
                return [self._backward(batch.to(self._device), units) for _, batch in work.parts]
            except RuntimeError as error:
                if not ran_out(error):
                    raise
                fault = str(error)
            # Outside of the handler, whose traceback holds on to the tensors that did not fit.
            self._optimiser.zero_grad(set_to_none=True)
            self._halve(feed, fault)

    def _backward(self, batch: Any, units: float) -> torch.Tensor:
        loss = self.task.loss(batch)
        self._scaler.scale(loss / units).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _halve(self, feed: Feed, fault: str) -> None:
        if feed.micro_batch == 1:
            raise no_room_for_one(self._device, fault)
        feed.micro_batch = -(-feed.micro_batch // 2)
        log.warning("memory ran out on %s; from now on %d examples at once", self._device, feed.micro_batch)
        if self._device.startswith("cuda"):
            torch.cuda.empty_cache()

    def _share_out(self, losses: list[torch.Tensor], units: float) -> tuple[float, float]:
        """Add the method's penalty, then all processes' gradients. Gives the mean loss a unit, and the penalty."""
        penalty = self.method.penalty()
        if penalty is not None:
            # Every process has the same one, and the gradients are summed.
            self._scaler.scale(penalty / self._devices.num_processes).backward()
        if self._devices.num_processes > 1:
            self._sum_gradients()
        total, _ = self._summed(float(sum(float(loss) for loss in losses)), 0)
        return total / units, 0.0 if penalty is None else float(penalty.detach())

    def _sum_gradients(self) -> None:
        """One message for all gradients; a process whose share of the batch is empty gives zeros."""
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

    def _anybody(self, asked: bool) -> bool:
        return self._summed(float(asked))[0] > 0

    def _check_finite(self, work: Work, losses: list[torch.Tensor], norm: torch.Tensor) -> None:
        """Raises NotFinite before anything is changed; where gradients are scaled, a scale too high is no fault."""
        wrong = [batch.ids for (_, batch), loss in zip(work.parts, losses, strict=True) if not math.isfinite(loss)]
        if not wrong and not self._scaler.is_enabled() and not math.isfinite(norm):
            wrong = [batch.ids for _, batch in work.parts]
        if self._anybody(bool(wrong)):
            ids = [name for names in wrong for name in names]
            named = ", ".join(ids) or "on another process"
            raise NotFinite(
                f"The loss of step {self.progress.step + 1} is no number. Examples: {named}. The same run comes to it "
                "again: look at these, or lower learning_rate, and begin anew with --fresh, or beside it with "
                "--set name=...",
                ids=ids,
            )

    def _evaluate(self) -> dict[str, float]:
        self.task.net.eval()
        with torch.no_grad():
            dev = self.task.evaluate()
        if not self.method.settled(self.progress.step):
            return dev
        if dev["loss"] < self.progress.best:
            self._best = {name: p.detach().cpu().clone() for name, p in self._trained.items()}
            self.progress = replace(self.progress, best=dev["loss"], best_step=self.progress.step, stale=0)
        else:
            self.progress = replace(self.progress, stale=self.progress.stale + 1)
        return dev

    def _ran_stale(self) -> bool:
        return 0 < self.config.patience <= self.progress.stale

    def _checkpoint(self, always: bool = False) -> None:
        step = self.progress.step
        due = always or step % self._checkpoint_every == 0 or step == self.total_steps
        if self._checkpoints and due and step != self._saved_step:
            self._checkpoints.save(step, self.state())
            self._saved_step = step

    def state(self) -> dict[str, Any]:
        """Everything that a later process needs to go on as this one would."""
        return {
            "progress": {name: getattr(self.progress, name) for name in Progress.__slots__},
            "trained": {name: p.detach() for name, p in self._trained.items()},
            "best": self._best,
            "optimiser": self._optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
            "method": self.method.state(),
            "random": random_state(),
            "fingerprint": self.task.fingerprint,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Stand where *state* was taken. The caller has seen that data and configuration are the same."""
        with torch.no_grad():
            for name, parameter in self._trained.items():
                parameter.copy_(state["trained"][name])
        self._best = dict(state["best"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._scaler.load_state_dict(state["scaler"])
        self.method.restore(state["method"])
        self.progress = Progress(**state["progress"])
        restore_random_state(state["random"])
