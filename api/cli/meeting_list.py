"""The command `list`. It is used most, so it loads nothing that other commands for meetings need."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from api.cli.options import RUNNING_STACK, AsJson, Key, Url, call_api, print_json
from api.export.phrases import clock, state_label
from schema.core.command_line import id_column
from schema.core.states import MeetingState
from schema.meetings.wire import MeetingOut

TITLE_COLUMNS = 15
UNFINISHED = frozenset({MeetingState.LIVE, MeetingState.DRAINING})


def list_meetings(
    limit: Annotated[int, typer.Option(min=1, max=200, help="List at most this many.")] = 20,
    all_versions: Annotated[bool, typer.Option("--versions", help="List every version of each meeting.")] = False,
    text: Annotated[str, typer.Option(help="Only with this in the title, or in the name of a person.")] = "",
    state: Annotated[
        list[MeetingState] | None, typer.Option(help="Only in this state; repeat for several.", show_default=False)
    ] = None,
    since: Annotated[str, typer.Option(metavar="DAY", help="Only of this day or later, such as 2026-03-02.")] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help="Only of this day or earlier.")] = "",
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """List meetings, newest first."""
    filters = {"text": text, "state": state, "since": since, "until": until}
    page = call_api(url, key, lambda http: http.meetings(limit, versions=all_versions, **filters))
    if as_json:
        print_json(page)
        return
    behind = ["behind"] if any(map(_behind, page)) else []  # else the title needs the room
    ids, started = id_column("id", [each.id for each in page]), Column("started", no_wrap=not behind)
    # Without "fold" a wide character at the end of a line is cut.
    title = Column("title", min_width=TITLE_COLUMNS, overflow="fold")
    table = Table(ids, started, "length", "state", *behind, title, box=None)
    for each in page:
        length = clock(each.coverage.duration_s)
        waits = [_behind(each)] if behind else []
        name = Text(each.title).append("" if each.version == 1 else f" (version {each.version})", style="dim")
        table.add_row(each.id, f"{each.started_at:%Y-%m-%d %H:%M}", length, state_label(each), *waits, name)
    none = "no such meetings" if any(filters.values()) else "no meetings yet; create one with 'minutebook live FILE'"
    Console().print(table if page else none)


def _behind(meeting: MeetingOut) -> str:
    """How much audio of a meeting waits to be transcribed. Empty if it is finished, or nothing of it has come yet."""
    follows = meeting.state in UNFINISHED and meeting.coverage.received_s > 0
    return f"{meeting.coverage.pending_s:.1f} s" if follows else ""
