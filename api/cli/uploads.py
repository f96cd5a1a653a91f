"""`minutebook uploads`: how far they are; paused, put before or behind others, cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from api.cli.options import AsJson, Key, Url
from api.client import DEFAULT_URL, Http
from api.client.uploads import cancel_upload, change_upload, uploads
from api.export.phrases import clock
from schema.uploads.wire import UploadOut

app = typer.Typer(no_args_is_help=True, help="Files that were sent to be transcribed.")
T = TypeVar("T")
ID_CHARACTERS = 24
UploadId = Annotated[str, typer.Argument(metavar="ID", help="The upload's id, as 'minutebook uploads list' shows it.")]


@app.command("list")
def list_uploads(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Uploads, newest first."""
    page = _ask(url, key, lambda http: uploads(http, limit))
    if as_json:
        for each in page:
            typer.echo(each.model_dump_json())
        return
    table = Table(Column("id", no_wrap=True, min_width=ID_CHARACTERS), "state", "done", "left", "file", "why", box=None)
    for each in page:
        table.add_row(each.id, *_row(each))
    Console().print(table if page else "no uploads yet; 'minutebook upload FILE' makes one")


def _row(upload: UploadOut) -> tuple[str | Text, ...]:
    done = "" if upload.percent is None else f"{upload.percent:.0f} %"
    left = "" if upload.left_s is None or upload.percent == 100.0 else clock(upload.left_s)
    state = f"{upload.state}, paused" if upload.paused else upload.state
    return state, done, left, Text(upload.name), Text(upload.detail or "")


@app.command()
def pause(upload_id: UploadId, url: Url = DEFAULT_URL, key: Key = None) -> None:
    """Decode no more of it for now; what is in work is transcribed."""
    _ask(url, key, lambda http: change_upload(http, upload_id, paused=True))


@app.command()
def resume(upload_id: UploadId, url: Url = DEFAULT_URL, key: Key = None) -> None:
    """Go on with one that was paused."""
    _ask(url, key, lambda http: change_upload(http, upload_id, paused=False))


@app.command()
def priority(
    upload_id: UploadId,
    value: Annotated[int, typer.Argument(help="Below 0 waits for others; above 0 is for admin keys.")],
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Put it before or behind others."""
    _ask(url, key, lambda http: change_upload(http, upload_id, priority=value))


@app.command()
def cancel(upload_id: UploadId, url: Url = DEFAULT_URL, key: Key = None) -> None:
    """Cancel it with its meeting and its file; of one that is finished only the file is deleted."""
    _ask(url, key, lambda http: cancel_upload(http, upload_id))


def _ask(url: str, key: str | None, question: Callable[[Http], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with Http(url, key) as http:
            return await question(http)

    return asyncio.run(asked())
