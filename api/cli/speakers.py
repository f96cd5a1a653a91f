"""The commands for the people of a meeting: `people`, `same-speaker` and `split`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from api.cli.options import RUNNING_STACK, AsJson, Key, MeetingId, Url, call_api, print_json
from api.cli.render import segment_text
from api.client.http import Http
from api.client.speakers import change_person, people, rejoin_segment, split_segment
from api.export.phrases import clock
from schema.speakers.wire import PersonOut, SplitSegments

PersonArgument = Annotated[
    int, typer.Argument(metavar="NUMBER", min=1, help="The person's number, as shown by 'minutebook people ID'.")
]


def list_people(meeting_id: MeetingId, as_json: AsJson = False, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """List the people whose voices were told apart, and names that were spoken for them."""
    found = call_api(url, key, lambda http: people(http, meeting_id)).people
    if as_json:
        print_json(found)
        return
    console = Console()
    for each in found:
        console.print(_line(each))
        for spoken in each.suggestion.evidence if each.suggestion else ():
            console.print(Text(f"        {clock(spoken.start_s)} {spoken.text}", style="dim"))
    if not found:
        typer.echo("nobody was told apart by voice in this meeting")


def _line(person: PersonOut) -> Text:
    line = Text(f"{person.number:>4}  ", style="dim").append(person.shown, style="bold")
    if person.same_as is not None:
        return line.append(f"  (the same as {person.same_as})", style="dim")
    line.append(f"  {clock(person.spoke_s)}", style="dim")
    if person.suggestion is not None:
        line.append(f"  perhaps {person.suggestion.name}:", style="yellow")
    return line


def same_speaker(
    meeting_id: MeetingId,
    number: PersonArgument,
    other: Annotated[
        int | None, typer.Argument(metavar="OTHER", min=1, help="The number of the person who it is.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="They are two people after all.")] = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Say that two people are one, in the whole meeting and in what is still to come."""
    if undo == (other is not None):
        raise typer.BadParameter("give the number of the other person, or --undo")
    changes = {"same_as": other}
    found = call_api(url, key, lambda http: change_person(http, meeting_id, number, changes)).people
    Console().print(_line(next(each for each in found if each.number == number)))


def split(
    meeting_id: MeetingId,
    segment_id: Annotated[
        int, typer.Argument(metavar="SEGMENT", min=1, help="The segment's id, as shown by 'minutebook segments ID'.")
    ],
    word: Annotated[
        int | None, typer.Argument(metavar="WORD", min=2, help="The number of the first word that somebody else says.")
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="Who says it.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Join the segment to the one before it again.")] = False,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Split a segment where somebody else begins to speak."""
    if undo == (word is not None):
        raise typer.BadParameter("give the number of a word, or --undo")

    async def request(http: Http) -> SplitSegments:
        if word is None:
            return await rejoin_segment(http, meeting_id, segment_id)
        return await split_segment(http, meeting_id, segment_id, word, speaker)

    parts = [each for each in call_api(url, key, request).segments if each.text]
    if as_json:
        print_json(parts)
        return
    for each in parts:
        Console().print(Text(f"{each.id:>5}  ", style="dim").append(segment_text(each)))
