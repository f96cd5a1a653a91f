"""`minutebook off-record`: keeps passages out of the minutes."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.options import RUNNING_STACK, AsJson, Key, MeetingId, Url, call_api, moment_s, print_json
from api.client.off_record import end_off_record, lift_off_record, mark_off_record, off_record
from api.export.phrases import clock
from schema.core.errors import NotFound
from schema.off_record.wire import OffRecordOut

app = typer.Typer(no_args_is_help=True, help="Keep passages out of the minutes; the transcript has them, marked.")
Number = Annotated[
    int, typer.Argument(metavar="PASSAGE", help="The passage's number, as shown by 'minutebook off-record list ID'.")
]
TO_HELP = "The end: 12:30, 1:02:03 or seconds"


@app.command()
def mark(
    meeting_id: MeetingId,
    start_s: Annotated[
        float | None, typer.Option("--from", parser=moment_s, metavar="TIME", help="The beginning; by default now.")
    ] = None,
    end_s: Annotated[
        float | None,
        typer.Option("--to", parser=moment_s, metavar="TIME", help=f"{TO_HELP}; by default it stays open."),
    ] = None,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Take a passage out of the minutes, in a live meeting from now on.

    Minutes that have it already are written again without it.
    """
    _print(call_api(url, key, lambda http: mark_off_record(http, meeting_id, start_s, end_s)), as_json)


@app.command()
def end(
    meeting_id: MeetingId,
    end_s: Annotated[
        float | None, typer.Option("--to", parser=moment_s, metavar="TIME", help=f"{TO_HELP}; by default now.")
    ] = None,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Go back on the record: end the passage that is open."""
    found = call_api(url, key, lambda http: off_record(http, meeting_id))
    number = next((each.id for each in reversed(found) if each.end_s is None and each.id is not None), None)
    if number is None:
        raise NotFound(
            f"meeting '{meeting_id}' has no open passage; 'minutebook off-record mark {meeting_id}' opens one"
        )
    _print(call_api(url, key, lambda http: end_off_record(http, meeting_id, number, end_s)), as_json)


@app.command("list")
def list_passages(meeting_id: MeetingId, as_json: AsJson = False, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """List the passages that are off the record, also those that somebody announced in the meeting."""
    found = call_api(url, key, lambda http: off_record(http, meeting_id))
    for each in found:
        _print(each, as_json)
    if not found and not as_json:
        typer.echo("everything is on the record")


@app.command()
def lift(meeting_id: MeetingId, passage_id: Number, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """Put a marked passage on the record again."""
    call_api(url, key, lambda http: lift_off_record(http, meeting_id, passage_id))


def _print(passage: OffRecordOut, as_json: bool) -> None:
    if as_json:
        print_json([passage])
        return
    until = "open" if passage.end_s is None else clock(passage.end_s)
    typer.echo(f"{passage.id or '':>6}  {clock(passage.start_s):>7} – {until:<7}  {passage.source}")
