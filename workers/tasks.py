"""The Celery tasks. Each translates a message into one plain call; the delivery policy stands at the decorator."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

from celery import Task
from celery.signals import worker_process_init, worker_process_shutdown

from schema import queues
from schema.errors import MinutebookError, Unavailable
from workers.app import SUMMARIZE_LIMIT_S, TRANSCRIBE_LIMIT_S, app
from workers.failures import book_failure
from workers.process import Process, process

log = logging.getLogger(__name__)

RETRY_LIMIT = 5
RETRY_DELAY_LIMIT_S = 60


# A wake-up may be lost (beat sends the next within a second), so it is neither acknowledged late nor retried. A
# database that is away is a line in the log a second (`throws`), not a traceback.
@app.task(  # type: ignore[untyped-decorator]
    name=queues.TRANSCRIBE, acks_late=False, time_limit=TRANSCRIBE_LIMIT_S, throws=(Unavailable,)
)
def transcribe(shard: str) -> None:
    """Tracks of *shard* are due: decode them for a bounded time, then hand on."""
    if process().transcriber.run(int(shard)):
        process().send(queues.TRANSCRIBE, [shard])


class Summarizing(Task):  # type: ignore[misc]  # Celery is untyped.
    def on_failure(self, exc: Exception, _id: str, args: list[Any], _kwargs: dict[str, Any], _info: Any) -> None:
        book_failure(process().database, self.name, list(args), exc, self.request.retries + 1, meeting_id=args[0])


@app.task(  # type: ignore[untyped-decorator]
    name=queues.SUMMARIZE,
    base=Summarizing,
    acks_late=True,
    time_limit=SUMMARIZE_LIMIT_S,
    autoretry_for=(Exception,),
    max_retries=RETRY_LIMIT,
    retry_backoff=True,
    retry_backoff_max=RETRY_DELAY_LIMIT_S,
)
def summarize(meeting_id: str) -> None:
    """Bring the minutes of a meeting up to date; write the final ones when it has ended."""
    process().summarizer.run(meeting_id)


@app.task(  # type: ignore[untyped-decorator]
    name=queues.SWEEP, acks_late=False, time_limit=TRANSCRIBE_LIMIT_S, throws=(Unavailable,)
)
def sweep() -> None:
    """Pick up what a crash left between a commit and a message; finish meetings that nobody feeds any more."""
    process().sweeper.run()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _load(**_: Any) -> None:
    """Load the model of the queue that this worker serves, so that the first message does not wait for it."""
    consumed = set(app.amqp.queues.consume_from)
    try:
        if queues.TRANSCRIBE_QUEUE in consumed:
            process().transcriber  # noqa: B018
        if queues.SUMMARIZE_QUEUE in consumed:
            process().summarizer  # noqa: B018
    except MinutebookError as error:
        # Celery would log it and take tasks all the same; a worker without its model must not look ready.
        log.critical("the worker stops, since its model cannot be loaded: %s", error)
        os.kill(os.getppid(), signal.SIGTERM)
        raise SystemExit(1) from error


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _close(**_: Any) -> None:
    Process.close_current()
