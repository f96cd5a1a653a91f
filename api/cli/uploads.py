"""`minutebook uploads`: lists, pauses, resumes, prioritises and cancels uploads."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli.options import RUNNING_STACK, AsJson, Key, Url, call_api, print_json
from api.client.uploads import cancel_upload, change_upload, uploads
from api.export.phrases import clock
from schema.core.command_line import id_column
from schema.core.states import UploadState
from schema.uploads.wire import UploadOut

app = typer.Typer(no_args_is_help=True, help="Manage recordings that were sent to be transcribed.")
UploadId = Annotated[str, typer.Argument(metavar="ID", help="The upload's id, as shown by 'minutebook uploads list'.")]


@app.command("list")
def list_uploads(
    limit: Annotated[int, typer.Option(min=1, max=200, help="List at most this many.")] = 20,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """List uploads, newest first."""
    page = call_api(url, key, lambda http: uploads(http, limit))
    if as_json:
        print_json(page)
        return
    ids = id_column("id", [each.id for each in page])
    table = Table(ids, "state", "done", "time left", "file", box=None)
    for each in page:
        table.add_row(each.id, *_row(each))
    console = Console()
    console.print(table if page else "no uploads yet; send one with 'minutebook upload FILE'")
    # A column would be too narrow for sentences and for the ids in them.
    for each in page:
        if each.detail:
            console.print(Text(f"{each.id}: {each.detail}"), soft_wrap=True)


def _row(upload: UploadOut) -> tuple[str | Text, ...]:
    writes = upload.state == UploadState.TRANSCRIBING and upload.percent == 100.0
    percent = upload.minutes_percent if writes else upload.percent
    done = "" if percent is None else f"{percent:.0f} %"
    left = clock(upload.left_s) if upload.left_s else ""
    state = "writing the minutes" if writes else str(upload.state)
    state = f"{state}, paused" if upload.paused else state
    return state, done, left, Text(upload.name)


@app.command()
def pause(upload_id: UploadId, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """Pause an upload.

    Audio that is already decoded is still transcribed.
    """
    call_api(url, key, lambda http: change_upload(http, upload_id, paused=True))


@app.command()
def resume(upload_id: UploadId, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """Resume a paused upload."""
    call_api(url, key, lambda http: change_upload(http, upload_id, paused=False))


@app.command()
def priority(
    upload_id: UploadId,
    value: Annotated[int, typer.Argument(help="A higher priority goes first; above 0 needs an admin key.")],
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Change the priority of an upload."""
    call_api(url, key, lambda http: change_upload(http, upload_id, priority=value))


@app.command()
def cancel(upload_id: UploadId, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """Cancel an upload, and delete its meeting and its file.

    For a finished upload only the file is deleted; the meeting stays.
    """
    call_api(url, key, lambda http: cancel_upload(http, upload_id))
