"""Options that several commands share, and the API and the local stack that they refer to."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import urlsplit

import typer
from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from api.client.http import DEFAULT_URL, Http
from schema.core.data_folder import DataFolder
from schema.core.errors import InvalidInput
from schema.core.states import Channels
from schema.meetings.recording_date import time_of_recording

if TYPE_CHECKING:
    from schema.core.settings import Settings

T = TypeVar("T")


def stack_facts(data_dir: Path) -> dict[str, str]:
    """The addresses that the stack in *data_dir* recorded when it started; empty if there is none."""
    try:
        facts = json.loads((data_dir / "run" / "stack.json").read_text())
        return {name: str(facts[name]) for name in ("api_url", "redis_url")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def as_seen_by_the_stack(config: Settings) -> Settings:
    """*config* with the addresses of the stack that runs from its data folder, which may use other ports."""
    facts = stack_facts(config.data_dir)
    address = urlsplit(facts.get("api_url", ""))
    if not address.hostname or not address.port:
        return config
    update = {"redis_url": facts["redis_url"], "api_host": address.hostname, "api_port": address.port}
    return config.model_copy(update=update)


def _address(url: str) -> str:
    """*url*, or without one the address of the stack that runs from the data folder."""
    return url or stack_facts(DataFolder().data_dir).get("api_url", DEFAULT_URL)


RUNNING_STACK = ""
"""The default of `--url`."""
Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="MINUTEBOOK_URL",
        callback=_address,
        show_default=f"the stack that runs from MINUTEBOOK_DATA_DIR, else {DEFAULT_URL}",
        help="The address of the API.",
    ),
]
Key = Annotated[str | None, typer.Option("--key", envvar="MINUTEBOOK_KEY", help="The API key.", show_envvar=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]
MeetingId = Annotated[str, typer.Argument(metavar="ID", help="The meeting's id, as shown by 'minutebook list'.")]
LanguageOption = Annotated[str, typer.Option("--language", help="The language that is spoken: en, de, ... or auto.")]


_MOMENT = re.compile(r"(?:(?:(\d{1,2}):)?(\d{1,2}):)?(\d{1,6}(?:\.\d+)?)")


def moment_s(text: str) -> float:
    """The seconds of a moment such as `12:30`, `1:02:03` or `90`. Raises InvalidInput."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise InvalidInput(f"{text[:40]!r} is no moment of a meeting; write 12:30, 1:02:03 or seconds such as 90")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def _recorded_at(text: str) -> datetime:
    try:
        return time_of_recording(text)
    except PydanticCustomError as error:
        raise InvalidInput(f"--recorded-at {text!r} is not valid: {error.message()}") from error


RecordedAtOption = Annotated[
    datetime | None,
    typer.Option(
        "--recorded-at",
        parser=_recorded_at,
        metavar="TIME",
        help="When it was recorded, in ISO 8601; without an offset in this machine's zone. By default its tags say it.",
    ),
]
VocabularyOption = Annotated[str, typer.Option("--vocabulary", help="Names and terms to expect, separated by commas.")]
ParticipantsOption = Annotated[
    str, typer.Option("--participants", help="Who takes part, separated by commas; minutes spell the names so.")
]
AgendaOption = Annotated[
    str, typer.Option("--agenda", help="The points of the agenda, separated by semicolons; they head chapters.")
]
MinutesLanguageOption = Annotated[
    str | None,
    typer.Option("--minutes-language", help="The language of the minutes, if not that of the meeting: en, de, ..."),
]
TemplateOption = Annotated[
    str | None, typer.Option("--template", help="The template of the minutes; 'minutebook templates' lists them.")
]
SpeakersOption = Annotated[
    str, typer.Option("--speakers", help="Tell speakers on one track apart: auto, off, or how many: 4 or 2-6.")
]
AdapterOption = Annotated[str | None, typer.Option("--adapter", help="The adapter for speech recognition.")]
ChannelsOption = Annotated[Channels, typer.Option("--channels", help="Mix the channels, or treat each as one speaker.")]

StreamsOption = Annotated[
    str, typer.Option("--streams", help="The sound streams of a film to read: auto, all, or numbers such as 1,3.")
]


def print_json(items: Iterable[BaseModel]) -> None:
    """Print one JSON object per line, as `--json` promises."""
    for item in items:
        typer.echo(item.model_dump_json())


def counted(count: int, one: str, many: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{count} {one if count == 1 else many}"


def call_api(url: str, key: str | None, request: Callable[[Http], Awaitable[T]]) -> T:
    """Send *request* to the API and return its result."""

    async def run() -> T:
        async with Http(url, key) as http:
            return await request(http)

    return asyncio.run(run())
