"""The `minutebook` command."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer.main import get_command, get_group

from schema.core.command_line import ErrorGroup

SERVER_PANEL = "Running the server"
COMMANDS = {
    "Live meetings": {
        "live": "live:live",
        "finish": "meetings:finish",
        "brief": "meetings:brief",
        "templates": "meetings:templates",
    },
    "Notes and what stays out": {
        "note": "typed_notes:note",
        "notes": "typed_notes:list_notes",
        "change-note": "typed_notes:change_note",
        "off-record": "off_record:app",
    },
    "Recordings": {"upload": "upload:upload", "watch": "watch:watch", "uploads": "uploads:app"},
    "Results": {
        "list": "meeting_list:list_meetings",
        "show": "meetings:show",
        "search": "meetings:search",
        "delete": "meetings:delete",
    },
    "Corrections and versions": {
        "segments": "corrections:list_segments",
        "correct": "corrections:correct",
        "rename-speaker": "corrections:rename",
        "people": "speakers:list_people",
        "same-speaker": "speakers:same_speaker",
        "split": "speakers:split",
        "sentences": "corrections:list_sentences",
        "correct-sentence": "corrections:change_sentence",
        "reprocess": "versions:reprocess_meeting",
        "versions": "versions:versions",
    },
    SERVER_PANEL: {
        "doctor": "doctor:doctor",
        "workers": "workers:app",
        "mcp": "mcp:serve_assistants",
        "webhooks": "webhooks:app",
        "keys": "database:keys",
        "db": "database:app",
        "failures": "failures:app",
    },
}
"""Panel of the help page → command → `module:name` in this package, of a function or of a group of commands."""


class LazyGroup(ErrorGroup):
    """Imports the module of a command when the command is used, so that each command loads only what it needs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._places = {name: (panel, place) for panel, names in COMMANDS.items() for name, place in names.items()}
        # The help page and the suggestions for a misspelled command use the names in `commands`, in this order.
        loaded: dict[str, Any] = dict(self.commands)
        unloaded: dict[str, Any] = dict.fromkeys(self._places)
        self.commands = {"up": loaded.pop("up"), **unloaded, **loaded}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if self.commands.get(cmd_name) is None and cmd_name in self._places:
            self.commands[cmd_name] = _load(cmd_name, *self._places[cmd_name])
        return super().get_command(ctx, cmd_name)


def _load(name: str, panel: str, place: str) -> Any:
    module, attribute = place.split(":")
    found = getattr(import_module(f"api.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
        command.name = name
    else:
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name)(found)
        command = get_command(single)
    command.rich_help_panel = panel
    return command


app = typer.Typer(
    cls=LazyGroup,
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


_add_training_command("train", "Train an adapter: minutebook train CONFIG [--set KEY=VALUE].")
_add_training_command("sweep", "Train with every combination of methods, ranks and precisions.")
_add_training_command("evaluate", "Measure models and adapters on a test set.")
_add_training_command("export", "Merge an adapter into its model.")
_add_training_command("dataset", "Inspect data sets, or build one from corrections.")
_add_training_command("adapters", "List, publish, promote and roll back adapters.")
_add_training_command("rate", "Let people rate minutes, and summarise their ratings.")
