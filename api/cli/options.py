"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Url = Annotated[str, typer.Option("--url", envvar="MINUTEBOOK_URL", help="Where the API is.")]
Key = Annotated[str | None, typer.Option("--key", envvar="MINUTEBOOK_KEY", help="API key.", show_envvar=True)]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON object per line.")]
MeetingId = Annotated[str, typer.Argument(metavar="ID", help="The meeting's id, as 'minutebook list' shows it.")]
