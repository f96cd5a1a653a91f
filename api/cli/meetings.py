"""`minutebook list`, `show`, `finish` and `delete`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from api.cli.options import AsJson, Key, MeetingId, Url
from api.client import DEFAULT_URL, Http
from api.client.corrections import version_named
from api.export.documents import ExportFormat
from api.export.phrases import clock
from schema.core.errors import InvalidInput
from schema.meetings.wire import SearchHit

T = TypeVar("T")
ID_CHARACTERS = 24
COLUMNS = ("created", "length", "state", "title")


def list_meetings(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, newest first.")] = 20,
    all_versions: Annotated[bool, typer.Option("--versions", help="Every version of each.")] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Meetings, newest first."""
    page = ask(url, key, lambda http: http.meetings(limit, versions=all_versions))
    if as_json:
        for each in page:
            typer.echo(each.model_dump_json())
        return
    # The id is there to be copied, so whatever else is short of room, it is whole.
    table = Table(Column("id", no_wrap=True, min_width=ID_CHARACTERS), *COLUMNS, box=None)
    for each in page:
        length = clock(each.coverage.received_s)
        title = Text(each.title).append("" if each.version == 1 else f" (version {each.version})", style="dim")
        table.add_row(each.id, f"{each.created_at:%Y-%m-%d %H:%M}", length, each.state, title)
    Console().print(table if page else "no meetings yet; 'minutebook live FILE' makes one")


def show(
    meeting_id: MeetingId,
    form: Annotated[
        ExportFormat, typer.Option("--format", help="Markdown, JSON, text, DOCX or subtitles.")
    ] = ExportFormat.MD,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="This version, as 'versions ID' lists them.")] = None,
    minutes: Annotated[int | None, typer.Option(min=1, help="With these final minutes, not the latest.")] = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """A meeting's minutes and transcript."""
    if form == ExportFormat.DOCX and output is None and sys.stdout.isatty():
        raise InvalidInput("a DOCX file is nothing for a terminal; name a file with --output FILE")
    exported = ask(url, key, lambda http: _exported(http, meeting_id, form, version, minutes))
    if output is None:
        typer.echo(exported, nl=False)
        return
    try:
        output.write_bytes(exported)
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written ({error.strerror}); name another file") from error


async def _exported(http: Http, meeting_id: str, form: ExportFormat, version: int | None, minutes: int | None) -> bytes:
    chosen = meeting_id if version is None else (await version_named(http, meeting_id, version)).id
    return await http.export(chosen, form, minutes)


def finish(meeting_id: MeetingId, url: Url = DEFAULT_URL, key: Key = None) -> None:
    """End a live meeting: the rest is transcribed and the final minutes are written."""
    ask(url, key, lambda http: http.finish(meeting_id))
    typer.echo(f"{meeting_id} takes no more audio; 'minutebook show {meeting_id}' has its minutes in a moment")


def delete(
    meeting_id: MeetingId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Delete a meeting with its audio, transcript and minutes, for good."""
    if not yes:
        typer.confirm(f"Delete {meeting_id} with its transcript and minutes?", abort=True)
    ask(url, key, lambda http: http.delete(meeting_id))


def ask(url: str, key: str | None, question: Callable[[Http], Awaitable[T]]) -> T:
    """What *question* gets from the API."""

    async def asked() -> T:
        async with Http(url, key) as http:
            return await question(http)

    return asyncio.run(asked())


def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help='Words, "a phrase", or the beg* of a word.')],
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many, the best first.")] = 20,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Where something was said, in all meetings."""
    page = ask(url, key, lambda http: http.search(" ".join(map(_quoted, words)), limit))
    if as_json:
        for hit in page.hits:
            typer.echo(hit.model_dump_json())
        return
    console = Console()
    for hit in page.hits:
        console.print(_shown(hit))
    if not page.hits:
        console.print("nothing was found; every word has to be said in one sentence or so")


def _quoted(word: str) -> str:
    """What the shell gave as one argument is a phrase, unless it has quotes of its own."""
    return f'"{word}"' if " " in word and '"' not in word else word


def _shown(hit: SearchHit) -> Text:
    text = Text(f"{hit.meeting_id}  {clock(hit.start_s):>7}  ", style="cyan")
    if hit.title:
        text.append(f"{hit.title}  ", style="dim")
    if hit.speaker:
        text.append(f"{hit.speaker}: ", style="bold")
    snippet = Text(hit.snippet, style="default")
    for first, end in hit.marks:
        snippet.stylize("bold yellow", first, end)
    return text.append_text(snippet)
