"""Options that several commands share, and the settings of the stack that runs here."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from schema.core.settings import Settings

Url = Annotated[str, typer.Option("--url", envvar="MINUTEBOOK_URL", help="Where the API is.")]
Key = Annotated[str | None, typer.Option("--key", envvar="MINUTEBOOK_KEY", help="API key.", show_envvar=True)]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON object per line.")]
MeetingId = Annotated[str, typer.Argument(metavar="ID", help="The meeting's id, as 'minutebook list' shows it.")]


def as_seen_by_the_stack(config: Settings) -> Settings:
    """*config* with the addresses of the stack that runs in its data folder, which may have chosen free ports."""
    try:
        facts = json.loads((config.data_dir / "run" / "stack.json").read_text())
        host, port = facts["api_url"].removeprefix("http://").rsplit(":", 1)
        update = {"redis_url": facts["redis_url"], "api_host": host, "api_port": int(port)}
    except (OSError, ValueError, KeyError):
        return config
    return config.model_copy(update=update)
