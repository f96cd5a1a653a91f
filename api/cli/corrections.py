"""The commands for corrections: `segments`, `correct`, `rename-speaker`, `sentences` and `correct-sentence`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from api.cli.options import RUNNING_STACK, AsJson, Key, MeetingId, Url, call_api, counted, print_json
from api.cli.render import segment_text
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
from api.export.labels import IN_ENGLISH
from api.export.phrases import clock, due_label
from schema.core.errors import InvalidInput
from schema.core.lines import shown
from schema.corrections.sentence_wire import SentenceOut, SentenceVersion
from schema.corrections.wire import CorrectionOut, SegmentVersion
from schema.minutes.minutes import Action, parts

Version = TypeVar("Version", SegmentVersion, SentenceVersion)


def print_versions(
    versions: Sequence[Version], as_json: bool, first_origin: str, text_of: Callable[[Version], Text]
) -> None:
    """*first_origin* describes the origin of the first version: `heard` or `written`."""
    if as_json:
        print_json(versions)
        return
    table = Table(Column("version", justify="right"), "time", "by", "origin", "text", box=None)
    for each in versions:
        when = "" if each.created_at is None else f"{each.created_at:%Y-%m-%d %H:%M}"
        by = Text(each.author or each.model or "")
        table.add_row(str(each.version), when, by, each.origin or first_origin, text_of(each))
    Console().print(table)


SegmentArgument = Annotated[
    int, typer.Argument(metavar="SEGMENT", help="The segment's number, as shown by 'minutebook segments ID'.")
]
NOBODY = "-"


def list_segments(
    meeting_id: MeetingId,
    changes: Annotated[bool, typer.Option("--changes", help="List the corrections instead of the transcript.")] = False,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Print the transcript with the segment numbers that 'correct' takes.

    A * marks a corrected segment, … a segment that still grows.
    """
    if changes:
        _list_changes(meeting_id, as_json, url, key)
        return
    found = call_api(url, key, lambda http: segments(http, meeting_id))
    if as_json:
        print_json(found)
        return
    console = Console()
    for each in found:
        mark = "*" if each.corrected else " " if each.closed else "…"
        console.print(Text(f"{each.id:>8}{mark}").append_text(segment_text(each)))


def _list_changes(meeting_id: str, as_json: bool, url: str, key: str | None) -> None:
    found = call_api(url, key, lambda http: corrections(http, meeting_id))
    if as_json:
        print_json(found)
        return
    table = Table("segment", "time", "before", "after", "by", "origin", box=None)
    for each in found:
        number = "" if each.segment_id is None else str(each.segment_id)
        heard, now = _segment_line(each.original_speaker, each.original_text), _segment_line(each.speaker, each.text)
        table.add_row(number, clock(each.start_s), heard, now, each.author, _origin_text(each))
    Console().print(table if found else "no corrections")


def _origin_text(change: CorrectionOut) -> Text:
    return Text(change.origin if change.reason is None else f"not carried over: {change.reason}")


def correct(
    meeting_id: MeetingId,
    segment_id: SegmentArgument,
    text: Annotated[str | None, typer.Option(help="The correct text; '' if nothing was said.")] = None,
    speaker: Annotated[str | None, typer.Option(help="The correct speaker; '' for none.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Restore what was heard.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Show all versions of the segment; change nothing.")
    ] = False,
    if_version: Annotated[int | None, typer.Option(min=1, help="Fail unless the segment is at this version.")] = None,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Correct the text or the speaker of a segment.

    The original text is kept. The minutes are updated a few seconds later.
    """
    changes: dict[str, str | None] = {} if text is None else {"text": text}
    if speaker is not None:
        changes["speaker"] = speaker or None
    if (bool(changes), undo, history).count(True) != 1:
        raise InvalidInput("give --text, --speaker or both, or else --undo or --history")
    if history:
        found = call_api(url, key, lambda http: segment_versions(http, meeting_id, segment_id)).versions
        print_versions(found, as_json, "heard", lambda version: _segment_line(version.speaker, version.text))
        return
    if undo:
        changed = call_api(url, key, lambda http: undo_corrections(http, meeting_id, segment_id, if_version))
    else:
        changed = call_api(url, key, lambda http: correct_segment(http, meeting_id, segment_id, changes, if_version))
    if as_json:
        print_json([changed])
        return
    Console().print(segment_text(changed).append(f"  (version {changed.version})", style="dim"))


def _segment_line(speaker: str | None, text: str) -> Text:
    return Text(f"{speaker}: " if speaker else "", style="bold").append(text or "(nothing)", style="default")


def rename(
    meeting_id: MeetingId,
    speaker: Annotated[
        str, typer.Argument(metavar="OLD", help=f"The present name; {NOBODY} for segments without a speaker.")
    ],
    new_speaker: Annotated[str, typer.Argument(metavar="NEW", help=f"The new name; {NOBODY} for none.")],
    track: Annotated[str | None, typer.Option(help="Rename in this track only.")] = None,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Rename a speaker in the whole meeting, including segments that are still to come."""
    names = [None if name == NOBODY else name for name in (speaker, new_speaker)]
    changed = call_api(url, key, lambda http: rename_speaker(http, meeting_id, names[0], names[1], track))
    named = "no speaker" if new_speaker == NOBODY else f"the speaker {new_speaker}"
    verb = "has" if changed.segments == 1 else "have"
    typer.echo(f"{counted(changed.segments, 'segment', 'segments')} now {verb} {shown(named)}")


SentenceArgument = Annotated[
    str, typer.Argument(metavar="SENTENCE", help="The sentence's id, as shown by 'minutebook sentences ID'.")
]


def list_sentences(meeting_id: MeetingId, as_json: AsJson = False, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """Print the minutes with the sentence ids that 'correct-sentence' takes.

    A * marks a corrected sentence.
    """
    found = {
        item.id: (part, item) for part, item in parts(call_api(url, key, lambda http: http.minutes(meeting_id)).minutes)
    }
    console = Console()
    for part, item in found.values():
        if as_json:
            typer.echo(json.dumps({"part": part, **asdict(item)}, default=str))
            continue
        owner = f"{item.owner}: " if isinstance(item, Action) and item.owner else ""
        line = Text(f"{item.id}{'*' if item.corrected else ' '} ", style="cyan").append(f"{part:<9}", style="dim")
        line.append(owner, style="bold").append(item.text or "(removed)", style="default")
        if isinstance(item, Action) and item.due:
            line.append(f" (due: {due_label(item.due, item.due_on)})")
        console.print(
            line.append("" if item.supported else f"  {IN_ENGLISH.unsupported}", style="yellow"), soft_wrap=True
        )


def change_sentence(
    meeting_id: MeetingId,
    sentence_id: SentenceArgument,
    text: Annotated[str | None, typer.Option(help="The correct text; '' removes the sentence.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who does the action; '' for nobody.")] = None,
    due: Annotated[str | None, typer.Option(help="When the action is due; '' for no date.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Restore what the summariser wrote.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Show all versions of the sentence; change nothing.")
    ] = False,
    if_version: Annotated[int | None, typer.Option(min=1, help="Fail unless the sentence is at this version.")] = None,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Correct a sentence of the final minutes.

    Later versions of the minutes keep the correction. Its support is computed with the next version.
    """
    changes: dict[str, str | None] = {} if text is None else {"text": text}
    changes |= {name: value or None for name, value in (("owner", owner), ("due", due)) if value is not None}
    if (bool(changes), undo, history).count(True) != 1:
        raise InvalidInput("give --text, --owner or --due, or else --undo or --history")
    if history:
        found = call_api(url, key, lambda http: sentence_versions(http, meeting_id, sentence_id)).versions
        print_versions(found, as_json, "written", _sentence_line)
        return
    if undo:
        changed = call_api(url, key, lambda http: undo_sentence(http, meeting_id, sentence_id, if_version))
    else:
        changed = call_api(url, key, lambda http: correct_sentence(http, meeting_id, sentence_id, changes, if_version))
    if as_json:
        print_json([changed])
        return
    Console().print(_sentence_line(changed).append(f"  (version {changed.version})", style="dim"))


def _sentence_line(sentence: SentenceVersion | SentenceOut) -> Text:
    """Owner, text and due date. The date is always shown, so that a correction of it is seen."""
    line = Text(f"{sentence.owner}: " if sentence.owner else "", style="bold")
    line.append(sentence.text or "(removed)", style="default")
    due_on = sentence.due_on if isinstance(sentence, SentenceOut) else None
    return line.append(f" (due: {due_label(sentence.due, due_on)})") if sentence.due else line
