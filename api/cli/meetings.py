"""The commands for single meetings and their text: `show`, `search`, `finish`, `delete` and others."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from api.cli.options import RUNNING_STACK, AsJson, Key, MeetingId, TemplateOption, Url, call_api, print_json
from api.client.corrections import find_version
from api.client.http import Http
from api.export.documents import ExportFormat
from api.export.phrases import clock
from schema.core.errors import InvalidInput
from schema.meetings.wire import SearchHit
from schema.minutes.briefing import SEPARATORS, split_list

AS_MEETING = "meeting"


def show(
    meeting_id: MeetingId,
    form: Annotated[ExportFormat, typer.Option("--format", help="The format to print or write.")] = ExportFormat.MD,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="The version of the meeting, as listed by 'minutebook versions ID'.")
    ] = None,
    minutes: Annotated[
        int | None, typer.Option(min=1, help="The version of the final minutes; by default the latest.")
    ] = None,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Show the minutes and the transcript of a meeting."""
    if form == ExportFormat.DOCX and output is None and sys.stdout.isatty():
        raise InvalidInput("a DOCX file cannot be shown in a terminal; name a file with --output FILE")
    exported = call_api(url, key, lambda http: _export(http, meeting_id, form, version, minutes))
    if output is None:
        typer.echo(exported, nl=False)
        return
    try:
        output.write_bytes(exported)
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written ({error.strerror}); name another file") from error


async def _export(http: Http, meeting_id: str, form: ExportFormat, version: int | None, minutes: int | None) -> bytes:
    chosen = meeting_id if version is None else (await find_version(http, meeting_id, version)).id
    return await http.export(chosen, form, minutes)


def finish(meeting_id: MeetingId, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """End a live meeting.

    The rest of its audio is transcribed, and the final minutes are written.
    """
    call_api(url, key, lambda http: http.finish(meeting_id))
    typer.echo(
        f"meeting {meeting_id} takes no more audio; 'minutebook show {meeting_id}' shows its minutes in a moment"
    )


def brief(
    meeting_id: MeetingId,
    participants: Annotated[
        str | None, typer.Option(help="Who takes part, separated by commas; '' for nobody.")
    ] = None,
    agenda: Annotated[str | None, typer.Option(help="The points of the agenda, separated by semicolons.")] = None,
    vocabulary: Annotated[str | None, typer.Option(help="Names and terms to expect, separated by commas.")] = None,
    minutes_language: Annotated[
        str | None, typer.Option(help=f"The language of the minutes; '{AS_MEETING}' for that of the meeting.")
    ] = None,
    template: TemplateOption = None,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Show or change the participants, the agenda, the vocabulary, and language and template of the minutes.

    A list replaces the old one. Minutes that are written already follow a few seconds later.
    """
    given = {"participants": participants, "agenda": agenda, "vocabulary": vocabulary}
    changes: dict[str, Any] = {name: split_list(name, text) for name, text in given.items() if text is not None}
    if minutes_language is not None:
        changes["minutes_language"] = None if minutes_language == AS_MEETING else minutes_language
    if template is not None:
        changes["template"] = template
    meeting = call_api(url, key, lambda http: http.change(meeting_id, changes) if changes else http.meeting(meeting_id))
    if as_json:
        print_json([meeting])
        return
    for name, values in ((name, getattr(meeting, name)) for name in given):
        typer.echo(f"{name}: {f'{SEPARATORS[name]} '.join(values) or 'none'}")
    typer.echo(f"template: {meeting.template or 'general'}")
    typer.echo(f"language of the minutes: {meeting.minutes_language or 'that of the meeting'}")


def templates(url: Url = RUNNING_STACK, key: Key = None) -> None:
    """List the templates of minutes that this server has."""
    for each in call_api(url, key, lambda http: http.templates()):
        typer.echo(f"{each.name:<16}{', '.join(each.sections) or each.title}")


def delete(
    meeting_id: MeetingId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Delete a meeting with its audio, transcript and minutes.

    This cannot be undone.
    """
    if not yes:
        typer.confirm(f"Delete meeting {meeting_id} with its transcript and minutes?", abort=True)
    call_api(url, key, lambda http: http.delete(meeting_id))


def search(
    words: Annotated[
        list[str],
        typer.Argument(metavar="WORD...", help='Words, "a phrase", or the beginning of a word with *, such as laun*.'),
    ],
    limit: Annotated[int, typer.Option(min=1, max=100, help="Show at most this many, best first.")] = 20,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Search the transcripts of all meetings.

    All words must occur in the same segment.
    """
    page = call_api(url, key, lambda http: http.search(" ".join(map(_quote, words)), limit))
    if as_json:
        print_json(page.hits)
        return
    console = Console()
    for hit in page.hits:
        console.print(_hit_line(hit))
    if not page.hits:
        console.print("nothing found; all words must occur in the same segment, so try fewer")


def _quote(word: str) -> str:
    """Quote an argument of several words as a phrase, unless it contains quotes."""
    return f'"{word}"' if " " in word and '"' not in word else word


def _hit_line(hit: SearchHit) -> Text:
    text = Text(f"{hit.meeting_id}  {clock(hit.start_s):>7}  ", style="cyan")
    if hit.title:
        text.append(f"{hit.title}  ", style="dim")
    if hit.speaker:
        text.append(f"{hit.speaker}: ", style="bold")
    snippet = Text(hit.snippet, style="default")
    for first, end in hit.marks:
        snippet.stylize("bold yellow", first, end)
    return text.append_text(snippet)
