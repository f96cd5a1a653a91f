"""`minutebook failures`: tasks that failed for good, and running them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from celery import Celery
from kombu.exceptions import OperationalError
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text
from sqlalchemy import select

from api.cli.database import opened
from api.cli.meetings import ID_CHARACTERS
from api.cli.options import as_seen_by_the_stack
from schema.core import queues
from schema.core.errors import InvalidInput, NotFound, Unavailable
from schema.core.settings import settings
from schema.core.tables import now
from schema.meetings.tables import Failure

app = typer.Typer(no_args_is_help=True, help="Tasks that failed for good.")
QUEUES = {
    queues.TRANSCRIBE: queues.TRANSCRIBE_QUEUE,
    queues.SWEEP: queues.TRANSCRIBE_QUEUE,
    queues.SUMMARIZE: queues.SUMMARIZE_QUEUE,
}


@app.command("list")
def list_failures(
    everything: Annotated[bool, typer.Option("--all", help="Also those that were run again.")] = False,
) -> None:
    """What failed, when, and why."""
    with opened() as database, database.read() as session:
        chosen = select(Failure).order_by(Failure.id)
        rows = session.scalars(chosen if everything else chosen.where(Failure.replayed_at.is_(None))).all()
    meeting = Column("meeting", no_wrap=True, min_width=ID_CHARACTERS)
    table = Table("id", "when", "task", meeting, "reason", "detail", "run again", box=None)
    for row in rows:
        again = f"{row.replayed_at:%Y-%m-%d %H:%M}" if row.replayed_at else ""
        when, task = f"{row.created_at:%Y-%m-%d %H:%M}", row.task.removeprefix("minutebook.")
        table.add_row(str(row.id), when, task, row.meeting_id or "", Text(row.reason), Text(row.detail), again)
    Console().print(table if rows else "nothing failed")


@app.command()
def replay(
    failure_id: Annotated[int | None, typer.Argument(metavar="ID", help="As 'failures list' shows it.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that was not run again yet.")] = False,
) -> None:
    """Enqueue failed tasks again. Tasks may run twice without harm."""
    if everything == (failure_id is not None):
        raise InvalidInput("give either the id of a failure or --all")
    with opened() as database, database.write() as session:
        chosen = select(Failure).order_by(Failure.id)
        chosen = chosen.where(Failure.replayed_at.is_(None) if everything else Failure.id == failure_id)
        rows = session.scalars(chosen).all()
        if failure_id is not None and not rows:
            raise NotFound(f"no failure has the id {failure_id}; see 'minutebook failures list --all'")
        send(as_seen_by_the_stack(settings()).redis_url, rows)
        for row in rows:
            row.replayed_at = now()
    typer.echo(f"{len(rows)} enqueued again")


def send(broker_url: str, rows: Sequence[Failure]) -> None:
    """Enqueue the rows' tasks. Raises Unavailable when the broker does not take one: then none is marked as run."""
    with Celery(broker=broker_url, set_as_current=False) as celery:
        celery.conf.broker_transport_options = {"socket_connect_timeout": 5}
        for row in rows:
            try:
                celery.send_task(row.task, args=row.arguments, queue=QUEUES[row.task], ignore_result=True, retry=False)
            except OperationalError as error:
                raise Unavailable(f"the broker cannot be reached ({error}); check MINUTEBOOK_REDIS_URL") from error
