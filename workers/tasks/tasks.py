"""The Celery tasks. Each turns a message into one function call. The decorator sets how the message is delivered."""

from __future__ import annotations

from typing import Any

from celery import Task

from schema.core import queues
from schema.core.errors import Unavailable, WorkerLost
from workers.app import (
    DELIVER_LIMIT_S,
    INGEST_LIMIT_S,
    LISTEN_LIMIT_S,
    SUMMARIZE_LIMIT_S,
    TRANSCRIBE_LIMIT_S,
    app,
)
from workers.fleet.board import begin_work, end_work
from workers.tasks.failures import book_failure
from workers.tasks.monitoring import WakeUp, name_meetings_in_logs, report_work
from workers.tasks.process import process

RETRY_LIMIT = 5
RETRY_DELAY_LIMIT_S = 60

name_meetings_in_logs()


# A lost wake-up costs at most a second, because beat sends the next one. So wake-ups are acknowledged early and not
# retried. With `throws`, an unreachable database logs one line per wake-up instead of a traceback.
@app.task(  # type: ignore[untyped-decorator]
    name=queues.TRANSCRIBE, base=WakeUp, acks_late=False, time_limit=TRANSCRIBE_LIMIT_S, throws=(Unavailable,)
)
def transcribe(shard: str) -> None:
    """Transcribe the due tracks of *shard* for a bounded time. If more are due, enqueue the task again."""
    if process().transcriber.run(int(shard)):
        process().send(queues.TRANSCRIBE, [shard])


class Summarizing(Task):  # type: ignore[misc]  # Celery is untyped.
    def before_start(self, _id: str, args: list[Any], _kwargs: dict[str, Any]) -> None:
        begin_work(self.name, [args[0]])

    def after_return(self, _status: str, _result: Any, _id: str, _args: Any, _kwargs: Any, _info: Any) -> None:
        end_work()

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
    """Bring the minutes of a meeting up to date. Write the final minutes once the meeting is transcribed."""
    process().summaries.begin(meeting_id)
    process().summarizer.run(meeting_id)


@app.task(  # type: ignore[untyped-decorator]
    name=queues.INGEST, base=WakeUp, acks_late=False, time_limit=INGEST_LIMIT_S, throws=(Unavailable,)
)
def ingest(upload_id: str) -> None:
    """Decode the uploads that are next for a bounded time. If there is more to do, enqueue the task again."""
    if process().ingester.run():
        process().send(queues.INGEST, [upload_id])


@app.task(  # type: ignore[untyped-decorator]
    name=queues.LISTEN, base=WakeUp, acks_late=False, time_limit=LISTEN_LIMIT_S, throws=(Unavailable,)
)
def listen(shard: str) -> None:
    """Tell the speakers on the waiting tracks of *shard* apart for a bounded time. Beat sends the task again."""
    process().listener.run(int(shard))


@app.task(  # type: ignore[untyped-decorator]
    name=queues.DELIVER, base=WakeUp, acks_late=False, time_limit=DELIVER_LIMIT_S, throws=(Unavailable,)
)
def deliver() -> None:
    """Begin to send a batch of the webhook messages that are due, unless a batch is being sent."""
    if begun := process().webhook_sender.begin():
        report_work([f"{begun} messages"])


@app.task(  # type: ignore[untyped-decorator]
    name=queues.SWEEP, base=WakeUp, acks_late=False, time_limit=TRANSCRIBE_LIMIT_S, throws=(Unavailable,)
)
def sweep() -> None:
    """Repair what crashes left undone, and finish meetings that no longer receive audio."""
    process().sweeper.run()
