"""The `minutebook` command."""

from __future__ import annotations

import os
import sys

import typer

from api.cli import database, doctor, failures, keys, live, meetings, search, upload, uploads, watch, webhooks
from api.cli.errors import ErrorGroup

app = typer.Typer(
    cls=ErrorGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Live meetings in, minutes out. MINUTEBOOK_URL and MINUTEBOOK_KEY say which server and with which key.",
)


@app.command()
def up() -> None:
    """Start everything on this machine: Redis, database, API, workers, Flower. Ctrl-C stops it all."""
    os.execv(sys.executable, [sys.executable, "-m", "deploy.up"])  # noqa: S606 - this very interpreter


app.command()(live.live)
app.command()(upload.upload)
app.command()(watch.watch)
app.command("list")(meetings.list_meetings)
app.command()(meetings.show)
app.command()(search.search)
app.command()(meetings.finish)
app.command()(meetings.delete)
app.command()(doctor.doctor)
app.add_typer(uploads.app, name="uploads")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(keys.app, name="keys")
app.add_typer(database.app, name="db")
app.add_typer(failures.app, name="failures")
