"""Batches of a run in their order, made ready by a thread while the model computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from training.data.order import batches
from training.runs.config import Config
from training.runs.task import Batch, Task

AHEAD = 2
"""Optimiser steps that are made ready before they are needed."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place between two steps: so many *batches* of *epoch* are behind it."""

    epoch: int = 0
    batches: int = 0


@dataclass(slots=True)
class Work:
    """What one process does in one optimiser step: micro-batches, and where the run stands after it."""

    after: Place
    epoch: int
    parts: list[tuple[Sequence[int], Batch]]


def order(lengths: Sequence[float], config: Config, start: Place) -> Iterator[tuple[Place, int, list[int]]]:
    """Without end: the place behind each batch from *start* on, its epoch, its examples."""
    epoch, skipped = start.epoch, start.batches
    while True:
        for number, places in enumerate(batches(lengths, config.batch_size, config.seed, epoch)):
            if number >= skipped:
                yield Place(epoch, number + 1), epoch, places
        epoch, skipped = epoch + 1, 0


class Feed:
    """Work for the process *rank* of *world*. Leave it as a context, and its thread ends."""

    def __init__(self, task: Task, config: Config, start: Place, rank: int, world: int) -> None:
        self.micro_batch = config.micro_batch or task.micro_batch
        self._task = task
        self._order = order(task.lengths, config, start)
        self._rank, self._world = rank, world
        self._pool = ThreadPoolExecutor(1, "collate")
        self._waiting: deque[Future[Work]] = deque()

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def next(self) -> Work:
        """The next step's work. Raises what the task's `collate` raises."""
        while len(self._waiting) <= AHEAD:
            self._waiting.append(self._pool.submit(self._make, *next(self._order)))
        return self._waiting.popleft().result()

    def cut_smaller(self, work: Work) -> None:
        """Cut *work* again, into micro-batches of the size that holds now."""
        places = [place for part, _ in work.parts for place in part]
        work.parts = self._collated(places, work.epoch)

    def _make(self, after: Place, epoch: int, places: list[int]) -> Work:
        return Work(after, epoch, self._collated(places[self._rank :: self._world], epoch))

    def _collated(self, places: Sequence[int], epoch: int) -> list[tuple[Sequence[int], Batch]]:
        cuts = [places[at : at + self.micro_batch] for at in range(0, len(places), self.micro_batch)]
        return [(cut, self._task.collate(cut, epoch)) for cut in cuts]
