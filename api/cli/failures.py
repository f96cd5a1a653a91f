"""`minutebook failures`: tasks that failed for good, and replaying them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from api.cli.database import open_database
from api.cli.options import as_seen_by_the_stack, counted
from api.fleet.replay import enqueue
from schema.core.command_line import id_column
from schema.core.errors import InvalidInput, NotFound
from schema.core.lines import shown
from schema.core.settings import settings
from schema.core.tables import now
from schema.meetings.tables import Failure

app = typer.Typer(no_args_is_help=True, help="List and replay tasks that failed for good.")


@app.command("list")
def list_failures(
    all_failures: Annotated[bool, typer.Option("--all", help="Include failures that were replayed.")] = False,
) -> None:
    """List failures with their time and reason."""
    with open_database() as database, database.read() as session:
        query = select(Failure).order_by(Failure.id)
        rows = session.scalars(query if all_failures else query.where(Failure.replayed_at.is_(None))).all()
    meeting = id_column("meeting", [row.meeting_id or "" for row in rows])
    table = Table("id", "when", "task", meeting, "reason", "detail", "replayed", box=None)
    for row in rows:
        again = f"{row.replayed_at:%Y-%m-%d %H:%M}" if row.replayed_at else ""
        when, task = f"{row.created_at:%Y-%m-%d %H:%M}", row.task.removeprefix("minutebook.")
        table.add_row(str(row.id), when, task, row.meeting_id or "", Text(row.reason), Text(shown(row.detail)), again)
    Console().print(table if rows else "no failures")


@app.command()
def replay(
    failure_id: Annotated[
        int | None, typer.Argument(metavar="ID", help="The failure's id, as shown by 'minutebook failures list'.")
    ] = None,
    all_failures: Annotated[
        bool, typer.Option("--all", help="Replay all failures that were not replayed yet.")
    ] = False,
) -> None:
    """Enqueue failed tasks again. A task may run twice without harm."""
    if all_failures == (failure_id is not None):
        raise InvalidInput("give either the id of a failure or --all")
    with open_database() as database, database.write() as session:
        query = select(Failure).order_by(Failure.id)
        query = query.where(Failure.replayed_at.is_(None) if all_failures else Failure.id == failure_id)
        rows = session.scalars(query).all()
        if failure_id is not None and not rows:
            raise NotFound(f"no failure has the id {failure_id}; 'minutebook failures list --all' shows all ids")
        enqueue(as_seen_by_the_stack(settings()).redis_url, rows)
        for row in rows:
            row.replayed_at = now()
    typer.echo(f"{counted(len(rows), 'task', 'tasks')} enqueued again")
