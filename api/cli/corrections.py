"""`minutebook segments`, `correct`, `rename-speaker`, `sentences` and `correct-sentence`: corrections by people."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from api.cli.meetings import ask
from api.cli.options import AsJson, Key, MeetingId, Url
from api.cli.render import segment_text
from api.client import DEFAULT_URL
from api.client.corrections import (
    correct_segment,
    correct_sentence,
    corrections,
    rename_speaker,
    segment_versions,
    segments,
    sentence_versions,
    undo_corrections,
    undo_sentence,
)
from api.export.phrases import UNSUPPORTED, clock
from schema.core.errors import InvalidInput
from schema.corrections.sentence_wire import SentenceVersion
from schema.corrections.wire import CorrectionOut, SegmentVersion
from schema.meetings.minutes import Action, parts

Version = TypeVar("Version", SegmentVersion, SentenceVersion)


def print_versions(versions: Sequence[Version], as_json: bool, first: str, says: Callable[[Version], Text]) -> None:
    """*first* is how the first one came about: `heard`, `written`."""
    if as_json:
        for each in versions:
            typer.echo(each.model_dump_json())
        return
    table = Table(Column("version", justify="right"), "when", "by", "how", "says", box=None)
    for each in versions:
        when = "" if each.created_at is None else f"{each.created_at:%Y-%m-%d %H:%M}"
        by = Text(each.author or each.model or "")
        table.add_row(str(each.version), when, by, each.origin or first, says(each))
    Console().print(table)


SegmentArgument = Annotated[
    int, typer.Argument(metavar="SEGMENT", help="Its number, as 'minutebook segments ID' shows it.")
]
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
    segment_id: SegmentArgument,
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


SentenceArgument = Annotated[
    str, typer.Argument(metavar="SENTENCE", help="Its id, as 'minutebook sentences ID' shows it.")
]


def list_sentences(meeting_id: MeetingId, as_json: AsJson = False, url: Url = DEFAULT_URL, key: Key = None) -> None:
    """The minutes with the ids that 'correct-sentence' takes; * stands at what was corrected."""
    found = {
        item.id: (part, item) for part, item in parts(ask(url, key, lambda http: http.minutes(meeting_id)).minutes)
    }
    console = Console()
    for part, item in found.values():
        if as_json:
            typer.echo(json.dumps({"part": part, **asdict(item)}))
            continue
        owner = f"{item.owner}: " if isinstance(item, Action) and item.owner else ""
        line = Text(f"{item.id}{'*' if item.corrected else ' '} ", style="cyan").append(f"{part:<9}", style="dim")
        line.append(owner, style="bold").append(item.text or "(taken out)", style="default")
        console.print(line.append("" if item.supported else f"  {UNSUPPORTED}", style="yellow"), soft_wrap=True)


def change_sentence(
    meeting_id: MeetingId,
    sentence_id: SentenceArgument,
    text: Annotated[str | None, typer.Option(help="What it should say; '' takes it out.")] = None,
    owner: Annotated[str | None, typer.Option(help="Whose action it is; '' when nobody is named.")] = None,
    due: Annotated[str | None, typer.Option(help="When the action is due; '' when no time is named.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Back to what the summariser wrote.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Only show what it said at each time.")] = False,
    if_version: Annotated[int | None, typer.Option(min=1, help="Only if it is at this version.")] = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Correct a sentence of the final minutes. It stays when they are made again; its support follows then."""
    wanted: dict[str, str | None] = {} if text is None else {"text": text}
    wanted |= {name: value or None for name, value in (("owner", owner), ("due", due)) if value is not None}
    if (bool(wanted), undo, history).count(True) != 1:
        raise InvalidInput("give --text, --owner or --due, or else --undo or --history")
    if history:
        found = ask(url, key, lambda http: sentence_versions(http, meeting_id, sentence_id)).versions
        print_versions(found, as_json, "written", lambda version: _said(version.text, version.owner))
        return
    if undo:
        changed = ask(url, key, lambda http: undo_sentence(http, meeting_id, sentence_id, if_version))
    else:
        changed = ask(url, key, lambda http: correct_sentence(http, meeting_id, sentence_id, wanted, if_version))
    if as_json:
        typer.echo(changed.model_dump_json())
        return
    Console().print(_said(changed.text, changed.owner).append(f"  (version {changed.version})", style="dim"))


def _said(text: str, owner: str | None) -> Text:
    return Text(f"{owner}: " if owner else "", style="bold").append(text or "(taken out)", style="default")
