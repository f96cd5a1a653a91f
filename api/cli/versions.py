"""`minutebook reprocess` and `versions`: a meeting made again, beside what it was."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from api.cli.meetings import ID_CHARACTERS, ask
from api.cli.options import AsJson, Key, MeetingId, Url
from api.client import DEFAULT_URL, Http
from api.client.corrections import meeting_versions, reprocess, show_version, version_named
from api.client.uploads import upload_of
from schema.core.errors import Gone, MinutebookError
from schema.core.states import MeetingState
from schema.corrections.wire import Reprocessed, ReprocessPart
from schema.meetings.wire import MeetingOut

LOOK_S = 1.0
NONE = "none"


def reprocess_meeting(
    meeting_id: MeetingId,
    part: Annotated[
        ReprocessPart | None, typer.Option(help="What to make again; often the other options say it.")
    ] = None,
    asr_adapter: Annotated[str | None, typer.Option(help=f"Read with this adapter; '{NONE}' takes it off.")] = None,
    language: Annotated[str | None, typer.Option(help="The language that is spoken.")] = None,
    vocabulary: Annotated[str | None, typer.Option(help="Names and terms to expect, with commas between.")] = None,
    summary_adapter: Annotated[str | None, typer.Option(help=f"Minutes with this one; '{NONE}' takes it off.")] = None,
    asr_model: Annotated[str | None, typer.Option(help="Refuse unless this model reads it.")] = None,
    summary_model: Annotated[str | None, typer.Option(help="Refuse unless this model writes the minutes.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until transcript and minutes are there.")] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Read a recording again, as a version beside the old one, or write its minutes again. Corrections stay."""
    given: dict[str, Any] = {
        "part": part,
        "asr_adapter": asr_adapter,
        "language": language,
        "summary_adapter": summary_adapter,
        "asr_model": asr_model,
        "summary_model": summary_model,
    }
    wanted = {name: None if value == NONE else value for name, value in given.items() if value is not None}
    if vocabulary is not None:
        wanted["vocabulary"] = [term.strip() for term in vocabulary.split(",") if term.strip()]
    begun = ask(url, key, lambda http: reprocess(http, meeting_id, wanted))
    if wait:
        ask(url, key, lambda http: _finished(http, begun))
    if as_json:
        typer.echo(begun.model_dump_json())
        return
    of_minutes = f"version {begun.minutes_version} of the minutes"
    what = f"version {begun.meeting.version}" if begun.part == ReprocessPart.TRANSCRIPT else of_minutes
    verb = "is" if wait else "is being"
    typer.echo(f"{what} {verb} made: 'minutebook show {begun.meeting.id}' has it{'' if wait else ' in a moment'}")


async def _finished(http: Http, begun: Reprocessed) -> MeetingOut:
    """Raises Gone with the reason when the recording could not be read."""
    while True:
        try:
            meeting = await http.meeting(begun.meeting.id)
        except Gone as error:
            upload = await upload_of(http, begun.upload_id) if begun.upload_id else None
            raise MinutebookError(upload.detail if upload and upload.detail else error.detail) from error
        if meeting.state == MeetingState.FINISHED and not meeting.revising:
            return meeting
        await asyncio.sleep(LOOK_S)


def versions(
    meeting_id: MeetingId,
    show: Annotated[int | None, typer.Option(min=1, help="Have lists and search show this version.")] = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """The versions of a meeting; * stands at the one that lists and search show. 'delete' removes one by its id."""
    if show is not None:
        ask(url, key, lambda http: _show(http, meeting_id, show))
    found = ask(url, key, lambda http: meeting_versions(http, meeting_id))
    if as_json:
        for each in found:
            typer.echo(each.model_dump_json())
        return
    head = Column("version", justify="right"), Column("id", no_wrap=True, min_width=ID_CHARACTERS)
    table = Table(*head, "state", "language", "adapters", box=None)
    for each in found:
        adapters = Text(", ".join(filter(None, [each.asr_adapter, each.summary_adapter])))
        table.add_row(f"{each.version}{'*' if each.shown else ' '}", each.id, each.state, each.language, adapters)
    Console().print(table)


async def _show(http: Http, meeting_id: str, version: int) -> MeetingOut:
    return await show_version(http, (await version_named(http, meeting_id, version)).id)
