"""`minutebook segments`, `correct` and `rename-speaker`: what somebody said, put right."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli.history import print_versions
from api.cli.meetings import ask
from api.cli.options import AsJson, Key, MeetingId, Url
from api.cli.render import segment_text
from api.client import DEFAULT_URL
from api.client.corrections import (
    correct_segment,
    corrections,
    rename_speaker,
    segment_versions,
    segments,
    undo_corrections,
)
from api.export.documents import clock
from schema.core.errors import InvalidInput
from schema.corrections.wire import CorrectionOut

SegmentId = Annotated[int, typer.Argument(metavar="SEGMENT", help="Its number, as 'minutebook segments ID' shows it.")]
NOBODY = "-"


def list_segments(
    meeting_id: MeetingId,
    changes: Annotated[bool, typer.Option("--changes", help="What was corrected, instead of what is said.")] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """The transcript with the numbers that 'correct' takes; * stands at what was corrected."""
    if changes:
        _list_changes(meeting_id, as_json, url, key)
        return
    found = ask(url, key, lambda http: segments(http, meeting_id))
    if as_json:
        for each in found:
            typer.echo(each.model_dump_json())
        return
    console = Console()
    for each in found:
        mark = "*" if each.corrected else " " if each.closed else "…"
        console.print(Text(f"{each.id:>8}{mark}").append_text(segment_text(each)))


def _list_changes(meeting_id: str, as_json: bool, url: str, key: str | None) -> None:
    found = ask(url, key, lambda http: corrections(http, meeting_id))
    if as_json:
        for each in found:
            typer.echo(each.model_dump_json())
        return
    table = Table("segment", "at", "heard", "now", "by", "", box=None)
    for each in found:
        number = "" if each.segment_id is None else str(each.segment_id)
        heard, now = _shown(each.original_speaker, each.original_text), _shown(each.speaker, each.text)
        table.add_row(number, clock(each.start_s), heard, now, each.author, _how(each))
    Console().print(table if found else "nothing was corrected")


def _how(change: CorrectionOut) -> Text:
    return Text(change.origin if change.reason is None else f"not carried over: {change.reason}")


def correct(
    meeting_id: MeetingId,
    segment_id: SegmentId,
    text: Annotated[str | None, typer.Option(help="What was said; '' when nothing was.")] = None,
    speaker: Annotated[str | None, typer.Option(help="Who said it; '' when nobody is named.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Back to what was heard.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Only show what it said at each time.")] = False,
    if_version: Annotated[int | None, typer.Option(min=1, help="Only if it is at this version.")] = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Correct what was said or by whom. What was heard is kept; the minutes follow a few seconds later."""
    wanted: dict[str, str | None] = {} if text is None else {"text": text}
    if speaker is not None:
        wanted["speaker"] = speaker or None
    if (bool(wanted), undo, history).count(True) != 1:
        raise InvalidInput("give --text, --speaker or both, or else --undo or --history")
    if history:
        found = ask(url, key, lambda http: segment_versions(http, meeting_id, segment_id)).versions
        print_versions(found, as_json, "heard", lambda version: _shown(version.speaker, version.text))
        return
    if undo:
        changed = ask(url, key, lambda http: undo_corrections(http, meeting_id, segment_id, if_version))
    else:
        changed = ask(url, key, lambda http: correct_segment(http, meeting_id, segment_id, wanted, if_version))
    if as_json:
        typer.echo(changed.model_dump_json())
        return
    Console().print(segment_text(changed).append(f"  (version {changed.version})", style="dim"))


def _shown(speaker: str | None, text: str) -> Text:
    return Text(f"{speaker}: " if speaker else "", style="bold").append(text or "(nothing)", style="default")


def rename(
    meeting_id: MeetingId,
    speaker: Annotated[str, typer.Argument(metavar="OLD", help=f"The name now; {NOBODY} where nobody is named.")],
    new_speaker: Annotated[str, typer.Argument(metavar="NEW", help=f"The name from now on; {NOBODY} for none.")],
    track: Annotated[str | None, typer.Option(help="Only in this track.")] = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Give a speaker another name in the whole meeting, and in what is still to come."""
    names = [None if name == NOBODY else name for name in (speaker, new_speaker)]
    changed = ask(url, key, lambda http: rename_speaker(http, meeting_id, names[0], names[1], track))
    typer.echo(f"{changed.segments} segments are {new_speaker}'s now")
