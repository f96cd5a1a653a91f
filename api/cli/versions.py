"""`minutebook reprocess` and `versions`: processing a meeting again, as a version beside the old one."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from api.cli.options import RUNNING_STACK, AsJson, Key, MeetingId, Url, call_api, print_json
from api.client.corrections import find_version, meeting_versions, reprocess, show_version
from api.client.http import Http
from api.client.uploads import get_upload
from schema.core.command_line import id_column
from schema.core.errors import Gone, MinutebookError
from schema.core.states import MeetingState
from schema.corrections.wire import Reprocessed, ReprocessPart
from schema.meetings.wire import MeetingOut
from schema.minutes.briefing import split_list

POLL_S = 1.0
NONE = "none"


def reprocess_meeting(
    meeting_id: MeetingId,
    part: Annotated[
        ReprocessPart | None, typer.Option(help="What to make again; the other options usually decide it.")
    ] = None,
    asr_adapter: Annotated[
        str | None, typer.Option(help=f"Transcribe with this adapter; '{NONE}' for no adapter.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="Transcribe in this language.")] = None,
    vocabulary: Annotated[str | None, typer.Option(help="Names and terms to expect, separated by commas.")] = None,
    speakers: Annotated[
        str | None, typer.Option(help="Tell speakers on one track apart: auto, off, or how many, such as 4 or 2-6.")
    ] = None,
    minutes_language: Annotated[
        str | None, typer.Option(help=f"Write the minutes in this language; '{NONE}' for that of the meeting.")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help=f"Write the minutes with this template; '{NONE}' for the general one.")
    ] = None,
    summary_adapter: Annotated[
        str | None, typer.Option(help=f"Summarise with this adapter; '{NONE}' for no adapter.")
    ] = None,
    asr_model: Annotated[str | None, typer.Option(help="Fail unless the server transcribes with this model.")] = None,
    summary_model: Annotated[
        str | None, typer.Option(help="Fail unless the server summarises with this model.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until transcript and minutes are written.")] = False,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Transcribe a recording again, or write the minutes of a meeting again.

    A new transcript is a version beside the old one. Corrections are kept.
    """
    given: dict[str, Any] = {
        "part": part,
        "asr_adapter": asr_adapter,
        "language": language,
        "speakers": speakers,
        "minutes_language": minutes_language,
        "template": template,
        "summary_adapter": summary_adapter,
        "asr_model": asr_model,
        "summary_model": summary_model,
    }
    changes = {name: None if value == NONE else value for name, value in given.items() if value is not None}
    if vocabulary is not None:
        changes["vocabulary"] = split_list("vocabulary", vocabulary)
    started = call_api(url, key, lambda http: reprocess(http, meeting_id, changes))
    if wait:
        call_api(url, key, lambda http: _wait_until_finished(http, started))
    if as_json:
        print_json([started])
        return
    of_minutes = f"version {started.minutes_version} of the minutes"
    what = f"version {started.meeting.version}" if started.part == ReprocessPart.TRANSCRIPT else of_minutes
    progress, moment = ("is ready", "") if wait else ("is being made", " in a moment")
    typer.echo(f"{what} {progress}; 'minutebook show {started.meeting.id}' shows it{moment}")


async def _wait_until_finished(http: Http, started: Reprocessed) -> MeetingOut:
    """Raises MinutebookError with the reason if the recording could not be transcribed."""
    while True:
        try:
            meeting = await http.meeting(started.meeting.id)
        except Gone as error:
            upload = await get_upload(http, started.upload_id) if started.upload_id else None
            raise MinutebookError(upload.detail if upload and upload.detail else error.detail) from error
        if meeting.state == MeetingState.FINISHED and not meeting.revising:
            return meeting
        await asyncio.sleep(POLL_S)


def versions(
    meeting_id: MeetingId,
    show: Annotated[int | None, typer.Option(min=1, help="Show this version in lists and search.")] = None,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """List the versions of a meeting.

    A * marks the version that lists and search show. 'minutebook delete' removes a version by its id.
    """
    if show is not None:
        call_api(url, key, lambda http: _show(http, meeting_id, show))
    found = call_api(url, key, lambda http: meeting_versions(http, meeting_id))
    if as_json:
        print_json(found)
        return
    head = Column("version", justify="right"), id_column("id", [each.id for each in found])
    table = Table(*head, "state", "language", "adapters", box=None)
    for each in found:
        adapters = Text(", ".join(filter(None, [each.asr_adapter, each.summary_adapter])))
        table.add_row(f"{each.version}{'*' if each.shown else ' '}", each.id, each.state, each.language, adapters)
    Console().print(table)


async def _show(http: Http, meeting_id: str, version: int) -> MeetingOut:
    return await show_version(http, (await find_version(http, meeting_id, version)).id)
