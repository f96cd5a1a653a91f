"""Loads the batches of a run in order, in a thread that works ahead of the model."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from training.data.dataset import batches
from training.runs.config import RunConfig
from training.runs.task import Batch, TrainingTask

AHEAD = 2
"""Optimiser steps that are prepared ahead."""


@dataclass(frozen=True, slots=True)
class BatchPosition:
    """A position between two steps: after so many *batches* of *epoch*."""

    epoch: int = 0
    batches: int = 0


@dataclass(slots=True)
class StepBatches:
    """The micro-batches of one process for one optimiser step, and the run's position after it."""

    after: BatchPosition
    epoch: int
    parts: list[tuple[Sequence[int], Batch]]


def batch_order(
    lengths: Sequence[float], config: RunConfig, start: BatchPosition
) -> Iterator[tuple[BatchPosition, int, list[int]]]:
    """An endless stream from *start* on: the position after each batch, its epoch, and its examples."""
    epoch, skipped = start.epoch, start.batches
    while True:
        for number, indices in enumerate(batches(lengths, config.batch_size, config.seed, epoch)):
            if number >= skipped:
                yield BatchPosition(epoch, number + 1), epoch, indices
        epoch, skipped = epoch + 1, 0


class BatchLoader:
    """Batches for the process *rank* out of *world*. Its thread ends when the context is left."""

    def __init__(self, task: TrainingTask, config: RunConfig, start: BatchPosition, rank: int, world: int) -> None:
        self.micro_batch = config.micro_batch or task.micro_batch
        self._task = task
        self._order = batch_order(task.lengths, config, start)
        self._rank, self._world = rank, world
        self._pool = ThreadPoolExecutor(1, "collate")
        self._waiting: deque[Future[StepBatches]] = deque()

    def __enter__(self) -> BatchLoader:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def next(self) -> StepBatches:
        """The batches of the next step. Raises what the task's `collate` raises."""
        while len(self._waiting) <= AHEAD:
            self._waiting.append(self._pool.submit(self._make, *next(self._order)))
        return self._waiting.popleft().result()

    def split_again(self, work: StepBatches) -> None:
        """Split *work* again, into micro-batches of the present size."""
        indices = [index for part, _ in work.parts for index in part]
        work.parts = self._collated(indices, work.epoch)

    def _make(self, after: BatchPosition, epoch: int, indices: list[int]) -> StepBatches:
        return StepBatches(after, epoch, self._collated(indices[self._rank :: self._world], epoch))

    def _collated(self, indices: Sequence[int], epoch: int) -> list[tuple[Sequence[int], Batch]]:
        cuts = [indices[at : at + self.micro_batch] for at in range(0, len(indices), self.micro_batch)]
        return [(cut, self._task.collate(cut, epoch)) for cut in cuts]
