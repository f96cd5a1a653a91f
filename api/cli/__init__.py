"""The `minutebook` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

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
from schema.core.command_line import ErrorGroup

SERVER_PANEL = "Running the server"

app = typer.Typer(
    cls=ErrorGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Live meetings in, minutes out.\n\n"
    "Commands about meetings talk to the API at MINUTEBOOK_URL with the key in MINUTEBOOK_KEY.",
)


@app.command(rich_help_panel=SERVER_PANEL)
def up() -> None:
    """Start the whole system on this machine.

    This starts Redis, the database, the API, the workers and Flower. Ctrl-C stops all of them.
    """
    os.execv(sys.executable, [sys.executable, "-m", "deploy.up"])  # noqa: S606 - runs this interpreter


def _add_training_command(name: str, help_text: str) -> None:
    """Add the command *name*, which replaces this process: training needs torch, and other commands start without."""

    @app.command(
        name,
        help=help_text,
        rich_help_panel="Training",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def _(ctx: typer.Context) -> None:
        os.execv(sys.executable, [sys.executable, "-m", "training", name, *ctx.args])  # noqa: S606


COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Live meetings": {"live": live.live, "finish": meetings.finish},
    "Recordings": {"upload": upload.upload, "watch": watch.watch},
    "Results": {
        "list": meetings.list_meetings,
        "show": meetings.show,
        "search": meetings.search,
        "delete": meetings.delete,
    },
    "Corrections and versions": {
        "segments": corrections.list_segments,
        "correct": corrections.correct,
        "rename-speaker": corrections.rename,
        "sentences": corrections.list_sentences,
        "correct-sentence": corrections.change_sentence,
        "reprocess": versions.reprocess_meeting,
        "versions": versions.versions,
    },
    SERVER_PANEL: {"doctor": doctor.doctor},
}
for panel, commands in COMMANDS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)
_add_training_command("train", "Train an adapter: minutebook train CONFIG [--set KEY=VALUE].")
_add_training_command("sweep", "Train with every combination of methods, ranks and precisions.")
_add_training_command("evaluate", "Measure models and adapters on a test set.")
_add_training_command("export", "Merge an adapter into its model.")
_add_training_command("dataset", "Inspect data sets, or build one from corrections.")
_add_training_command("adapters", "List, publish, promote and roll back adapters.")
_add_training_command("rate", "Let people rate minutes, and summarise their ratings.")
app.add_typer(uploads.app, name="uploads", rich_help_panel="Recordings")
app.add_typer(webhooks.app, name="webhooks", rich_help_panel=SERVER_PANEL)
app.add_typer(database.keys, name="keys", rich_help_panel=SERVER_PANEL)
app.add_typer(database.app, name="db", rich_help_panel=SERVER_PANEL)
app.add_typer(failures.app, name="failures", rich_help_panel=SERVER_PANEL)
