"""Says every two seconds what this worker does, and follows what operators ask. A thread of its main process."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
import time
from datetime import UTC, datetime
from typing import Any

from celery.worker import state
from redis import Redis
from redis.exceptions import RedisError

from schema.fleet.orders import Orders, read_orders
from schema.fleet.registry import BEAT_S, forget_worker, publish_worker
from schema.fleet.wire import GpuState, ModelInUse, PoolProcess, WorkerRecord, WorkError
from workers.fleet.averages import RecentWork
from workers.fleet.board import MAIN, Board, ProcessNote
from workers.fleet.gate import taken_queues
from workers.metrics.files import shared_registry
from workers.metrics.machine import ProcessUse, gpu_uses, process_uses

log = logging.getLogger(__name__)


class Reporter:
    """*worker* is Celery's controller, which has begun to take messages."""

    def __init__(self, worker: Any, queues: tuple[str, ...], board: Board, redis: Redis) -> None:
        self._worker = worker
        self._queues = queues
        self._board = board
        self._redis = redis
        self._instance = secrets.token_hex(8)
        self._started_at = datetime.now(UTC)
        self._work = RecentWork()
        self._used: dict[int, float] = {}
        self._looked_s = time.monotonic()
        self._closed: frozenset[str] | None = None
        self._stopping = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Take the record away: the worker ends in order."""
        self._ended.set()
        self._thread.join(BEAT_S)
        try:
            forget_worker(self._redis, self._worker.hostname)
        except RedisError as error:
            log.warning("this worker is shown as lost for some minutes, because Redis does not answer: %s", error)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.beat()
            except RedisError as error:  # the worker itself says so and connects again
                log.debug("nothing is said about this worker: %s", error)
            except Exception:
                log.exception("this worker cannot say what it does")
            self._ended.wait(BEAT_S)

    def beat(self) -> None:
        self._follow(read_orders(self._redis, self._worker.hostname))
        publish_worker(self._redis, self.record())

    def _follow(self, orders: Orders) -> None:
        closed = orders.closed(self._queues)
        if closed != self._closed:
            consumer = self._worker.consumer
            consumer.call_soon(consumer.gate.close_only, consumer, closed)
            self._closed = closed
        if orders.restart_of == self._instance and not self._stopping:
            log.warning("this worker was asked to restart; it finishes what it has, and ends")
            self._stopping = True
            os.kill(os.getpid(), signal.SIGTERM)

    def record(self) -> WorkerRecord:
        main = self._board.read(MAIN)
        notes = [self._board.read(place) for place in range(self._board.places)]
        if main is not None and main.ready:  # a pool without processes of its own
            notes = [main]
        uses = {each.pid: each for each in process_uses()}
        cores = self._cores(uses)
        return WorkerRecord(
            name=self._worker.hostname,
            instance=self._instance,
            started_at=self._started_at,
            queues=list(self._queues),
            takes=taken_queues(self._worker.consumer, self._queues),
            tasks=len(state.reserved_requests),
            stopping=self._stopping or state.should_stop is not None,
            processes=[_process(place, note, uses, cores) for place, note in enumerate(notes) if note is not None],
            models=_together(notes),
            averages=self._work.averages(shared_registry()),
            cpu_cores=sum(cores.values()) if cores else None,
            resident_bytes=sum(each.resident_bytes for each in uses.values()),
            gpus=[GpuState.model_validate(each) for each in gpu_uses()],
            last_error=_latest_error([*notes, main]),
        )

    def _cores(self, uses: dict[int, ProcessUse]) -> dict[int, float]:
        """Processor time per second since the last look, by process id. Without an earlier look, nothing."""
        now_s = time.monotonic()
        passed_s = now_s - self._looked_s
        known = {pid: use for pid, use in uses.items() if pid in self._used}
        cores = {pid: max(0.0, use.cpu_s - self._used[pid]) / passed_s for pid, use in known.items()}
        self._used, self._looked_s = {pid: use.cpu_s for pid, use in uses.items()}, now_s
        return cores


def _process(place: int, note: ProcessNote, uses: dict[int, ProcessUse], cores: dict[int, float]) -> PoolProcess:
    use = uses.get(note.pid)
    return PoolProcess(
        place=place,
        pid=note.pid,
        ready=note.ready and use is not None,
        task=note.task,
        meetings=note.meetings,
        busy_s=None if note.task is None else max(0.0, time.monotonic() - note.since_s),
        cpu_cores=cores.get(note.pid),
        resident_bytes=None if use is None else use.resident_bytes,
    )


def _together(notes: list[ProcessNote | None]) -> list[ModelInUse]:
    """The models of all processes, each once with the adapters that any of them has loaded."""
    found: dict[tuple[str, str | None, str | None], ModelInUse] = {}
    for member in (member for note in notes if note is not None for member in note.models):
        model = ModelInUse.model_validate(member)
        known = found.setdefault((model.model, model.precision, model.device), model)
        known.adapters = sorted({*known.adapters, *model.adapters})
    return list(found.values())


def _latest_error(notes: list[ProcessNote | None]) -> WorkError | None:
    errors = [WorkError.model_validate(note.error) for note in notes if note is not None and note.error is not None]
    return max(errors, key=lambda error: error.at, default=None)
