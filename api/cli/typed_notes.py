"""The commands for typed notes: `note`, `notes` and `change-note`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from api.cli.options import RUNNING_STACK, AsJson, Key, MeetingId, Url, call_api, moment_s, print_json
from api.client.typed_notes import change_typed_note, delete_typed_note, type_note, typed_notes
from api.export.phrases import clock
from schema.core.errors import InvalidInput
from schema.typed_notes.wire import NewTypedNote, TypedNoteOut

AtOption = Annotated[
    float | None, typer.Option("--at", parser=moment_s, metavar="TIME", help="The moment: 12:30, 1:02:03 or seconds.")
]
PersonOption = Annotated[str | None, typer.Option("--person", help="Who typed it.")]


def note(
    meeting_id: MeetingId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note.")],
    at_s: AtOption = None,
    person: PersonOption = None,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Type a note. In a live meeting it stands at this moment.

    Minutes and exports show it as your own, and the minutes keep what is said about it.
    """
    new = NewTypedNote(text=text, at_s=at_s, person=person)
    _print(call_api(url, key, lambda http: type_note(http, meeting_id, new)), as_json)


def list_notes(meeting_id: MeetingId, as_json: AsJson = False, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """List the notes that people typed, with the numbers that 'change-note' takes."""
    found = call_api(url, key, lambda http: typed_notes(http, meeting_id))
    for each in found:
        _print(each, as_json)
    if not found and not as_json:
        typer.echo("no typed notes; 'minutebook note ID TEXT' adds one")


def change_note(
    meeting_id: MeetingId,
    note_id: Annotated[
        int, typer.Argument(metavar="NOTE", help="The note's number, as shown by 'minutebook notes ID'.")
    ],
    text: Annotated[str | None, typer.Option(help="The new text.")] = None,
    at_s: AtOption = None,
    person: PersonOption = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the note for good.")] = False,
    if_version: Annotated[int | None, typer.Option(min=1, help="Fail unless the note is at this version.")] = None,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Change or delete a typed note."""
    given: dict[str, Any] = {"text": text, "at_s": at_s, "person": person}
    changes = {name: value for name, value in given.items() if value is not None}
    if bool(changes) == delete:
        raise InvalidInput("give --text, --at or --person, or else --delete")
    if delete:
        call_api(url, key, lambda http: delete_typed_note(http, meeting_id, note_id))
        return
    changed = call_api(url, key, lambda http: change_typed_note(http, meeting_id, note_id, changes, if_version))
    _print(changed, as_json)


def _print(note: TypedNoteOut, as_json: bool) -> None:
    if as_json:
        print_json([note])
        return
    line = Text(f"{note.id:>6}  {clock(note.at_s):>7}  ", style="cyan")
    line.append(f"{note.person}: " if note.person else "", style="bold").append(note.text, style="default")
    Console().print(line, soft_wrap=True)
