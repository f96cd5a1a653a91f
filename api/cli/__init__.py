"""The `minutebook` command."""

from __future__ import annotations

import os
import sys

import typer

from api.cli import (
    corrections,
    database,
    doctor,
    failures,
    live,
    meetings,
    upload,
    uploads,
    versions,
    watch,
    webhooks,
)
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


def _hand_over(name: str, about: str) -> None:
    """Add the command *name*, which another process does: training needs torch, and this one must start without."""

    @app.command(
        name,
        help=about,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def _(ctx: typer.Context) -> None:
        os.execv(sys.executable, [sys.executable, "-m", "training", name, *ctx.args])  # noqa: S606


app.command()(live.live)
app.command()(upload.upload)
app.command()(watch.watch)
app.command("list")(meetings.list_meetings)
app.command()(meetings.show)
app.command()(meetings.search)
app.command("segments")(corrections.list_segments)
app.command()(corrections.correct)
app.command("rename-speaker")(corrections.rename)
app.command("sentences")(corrections.list_sentences)
app.command("correct-sentence")(corrections.change_sentence)
app.command("reprocess")(versions.reprocess_meeting)
app.command()(versions.versions)
app.command()(meetings.finish)
app.command()(meetings.delete)
app.command()(doctor.doctor)
_hand_over("train", "Train an adapter: minutebook train CONFIG [--set KEY=VALUE].")
_hand_over("sweep", "Train over a grid of methods, ranks and precisions.")
_hand_over("evaluate", "Measure models and adapters on a test set.")
_hand_over("export", "Merge an adapter into its model.")
_hand_over("dataset", "Look at data sets, or build one from corrections.")
_hand_over("adapters", "List, publish, promote and roll back adapters.")
_hand_over("rate", "Have people rate minutes, and add their answers up.")
app.add_typer(uploads.app, name="uploads")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(database.keys, name="keys")
app.add_typer(database.app, name="db")
app.add_typer(failures.app, name="failures")
