"""`minutebook search`: where something was said."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from api.cli.meetings import ask
from api.cli.options import AsJson, Key, Url
from api.client import DEFAULT_URL
from api.export.documents import clock
from schema.meetings.search_wire import SearchHit


def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help='Words, "a phrase", or the beg* of a word.')],
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many, the best first.")] = 20,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Where something was said, in all meetings."""
    page = ask(url, key, lambda http: http.search(" ".join(map(_quoted, words)), limit))
    if as_json:
        for hit in page.hits:
            typer.echo(hit.model_dump_json())
        return
    console = Console()
    for hit in page.hits:
        console.print(_shown(hit))
    if not page.hits:
        console.print("nothing was found; every word has to be said in one sentence or so")


def _quoted(word: str) -> str:
    """What the shell gave as one argument is a phrase, unless it has quotes of its own."""
    return f'"{word}"' if " " in word and '"' not in word else word


def _shown(hit: SearchHit) -> Text:
    text = Text(f"{hit.meeting_id}  {clock(hit.start_s):>7}  ", style="cyan")
    if hit.title:
        text.append(f"{hit.title}  ", style="dim")
    if hit.speaker:
        text.append(f"{hit.speaker}: ", style="bold")
    snippet = Text(hit.snippet, style="default")
    for first, end in hit.marks:
        snippet.stylize("bold yellow", first, end)
    return text.append_text(snippet)
