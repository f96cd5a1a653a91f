"""The Celery tasks. Each translates a message into one plain call; the delivery policy stands at the decorator."""

from __future__ import annotations

from typing import Any

from celery import Task

from schema.core import queues
from schema.core.errors import Unavailable, WorkerLost
from workers.app import DELIVER_LIMIT_S, INGEST_LIMIT_S, SUMMARIZE_LIMIT_S, TRANSCRIBE_LIMIT_S, app
from workers.tasks.failures import book_failure
from workers.tasks.process import process

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
        attempts = int(str(exc.facts["attempts"])) if isinstance(exc, WorkerLost) else self.request.retries + 1
        book_failure(process().stores.database, self.name, list(args), exc, attempts, meeting_id=args[0])

    def on_retry(self, _exc: Exception, _id: str, args: list[Any], _kwargs: dict[str, Any], _info: Any) -> None:
        process().summaries.retried(args[0])


@app.task(  # type: ignore[untyped-decorator]
    name=queues.SUMMARIZE,
    base=Summarizing,
    acks_late=True,
    time_limit=SUMMARIZE_LIMIT_S,
    autoretry_for=(Exception,),
    dont_autoretry_for=(WorkerLost,),
    max_retries=RETRY_LIMIT,
    retry_backoff=True,
    retry_backoff_max=RETRY_DELAY_LIMIT_S,
)
def summarize(meeting_id: str) -> None:
    """Bring the minutes of a meeting up to date; write the final ones when it has ended."""
    process().summaries.begin(meeting_id)
    process().summarizer.run(meeting_id)


@app.task(  # type: ignore[untyped-decorator]
    name=queues.INGEST, acks_late=False, time_limit=INGEST_LIMIT_S, throws=(Unavailable,)
)
def ingest(upload_id: str) -> None:
    """Files are to be decoded, or settled: work on those that are next for a bounded time, then hand on."""
    if process().ingester.run():
        process().send(queues.INGEST, [upload_id])


@app.task(  # type: ignore[untyped-decorator]
    name=queues.DELIVER, acks_late=False, time_limit=DELIVER_LIMIT_S, throws=(Unavailable,)
)
def deliver() -> None:
    """Carry a batch of the webhooks' messages that are due, unless another process is at it."""
    with process().alone("mb:delivering", DELIVER_LIMIT_S) as mine:
        if mine:
            process().webhook_sender.run()


@app.task(  # type: ignore[untyped-decorator]
    name=queues.SWEEP, acks_late=False, time_limit=TRANSCRIBE_LIMIT_S, throws=(Unavailable,)
)
def sweep() -> None:
    """Pick up what a crash left between a commit and a message; finish meetings that nobody feeds any more."""
    process().sweeper.run()
