"""`minutebook sentences` and `correct-sentence`: minutes put right."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from api.cli.history import print_versions
from api.cli.meetings import ask
from api.cli.options import AsJson, Key, MeetingId, Url
from api.client import DEFAULT_URL
from api.client.sentences import correct_sentence, sentence_versions, undo_sentence
from api.export.documents import UNSUPPORTED
from schema.core.errors import InvalidInput
from schema.meetings.minutes import Action, parts

SentenceId = Annotated[str, typer.Argument(metavar="SENTENCE", help="Its id, as 'minutebook sentences ID' shows it.")]


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


def correct(
    meeting_id: MeetingId,
    sentence_id: SentenceId,
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
