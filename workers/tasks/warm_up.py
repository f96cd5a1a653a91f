"""Loads the models of a worker process before its first message. If that fails, the worker exits with status 1."""

from __future__ import annotations

import logging
import os
import signal
from functools import partial
from typing import Any

from billiard.exceptions import WorkerLostError
from celery.platforms import EX_FAILURE
from celery.signals import worker_init, worker_process_init, worker_process_shutdown
from celery.utils.log import worker_logger
from celery.worker import state

from schema.core import queues
from schema.core.errors import MinutebookError
from workers.app import app
from workers.fleet.board import noter
from workers.tasks.process import Process, process

log = logging.getLogger(__name__)

GIVE_UP = signal.SIGRTMIN
"""Signal from a pool process to its worker: shut down as after SIGTERM, but with a failure status."""


class WithoutPoolTraceback(logging.Filter):
    """Leaves out the traceback of a worker that ends because all processes of its pool ended. They have said why."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], WorkerLostError):
            record.exc_info = None
        return True


@worker_init.connect  # type: ignore[untyped-decorator]
def _prepare(**_: Any) -> None:
    worker_logger.addFilter(WithoutPoolTraceback())
    signal.signal(GIVE_UP, _give_up)
    worker_process_init.connect(partial(_load, os.getpid()), weak=False)


def _give_up(*_: Any) -> None:
    state.should_stop = EX_FAILURE


def _load(worker_pid: int, **_: Any) -> None:
    """Load the models for the queues that this worker serves, so that the first message does not wait."""
    consumed = set(app.amqp.queues.consume_from)
    try:
        if queues.TRANSCRIBE_QUEUE in consumed:
            process().transcriber  # noqa: B018
        if queues.SUMMARIZE_QUEUE in consumed:
            process().summarizer  # noqa: B018
        if queues.SPEAKERS_QUEUE in consumed and process().config.voices != "off":
            process().listener  # noqa: B018
        if queues.INGEST_QUEUE in consumed:
            process().ingester  # noqa: B018
    except Exception as error:
        # Celery would only log the error and accept tasks. A worker without its model must not look ready.
        told = None if isinstance(error, MinutebookError) else error
        log.critical("the worker stops because its model cannot be loaded: %s", error, exc_info=told)
        os.kill(worker_pid, GIVE_UP)
        raise SystemExit(EX_FAILURE) from error
    if (noted := noter()) is not None:
        noted.set_ready(process().loaded_models)


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _close(**_: Any) -> None:
    Process.close_current()
