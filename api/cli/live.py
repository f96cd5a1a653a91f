"""`minutebook live`: streams audio, and shows transcript and minutes in the terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.cli.options import (
    RUNNING_STACK,
    AgendaOption,
    AsJson,
    Key,
    LanguageOption,
    MinutesLanguageOption,
    ParticipantsOption,
    SpeakersOption,
    TemplateOption,
    Url,
    VocabularyOption,
)
from api.cli.render import LiveScreen
from api.client.audio_source import file_chunks, microphone_chunks, pipe_chunks
from api.client.http import Http
from api.client.live import LiveTrack
from api.client.pace import from_thread, paced, stop_on_interrupt, until
from schema.core.errors import InvalidAudio, InvalidInput
from schema.core.events import Event
from schema.core.lines import shown_name, without_ending
from schema.core.wire import AUTO
from schema.meetings.wire import NewMeeting, NewTrack
from schema.minutes.briefing import split_list
from schema.speakers.wish import AUTO_SPEAKERS


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """The API to use, and how to show the events."""

    url: str
    key: str | None
    as_json: bool
    words: bool


def live(
    source: Annotated[
        str | None,
        typer.Argument(metavar="FILE|-", help="WAV, FLAC or OGG; '-' reads 16 kHz mono PCM16 or WAV from stdin."),
    ] = None,
    mic: Annotated[bool, typer.Option("--mic", help="Record the default microphone.")] = False,
    title: Annotated[str, typer.Option(help="The meeting's title; by default the file's name.")] = "",
    language: LanguageOption = AUTO,
    vocabulary: VocabularyOption = "",
    participants: ParticipantsOption = "",
    agenda: AgendaOption = "",
    minutes_language: MinutesLanguageOption = None,
    template: TemplateOption = None,
    speakers: SpeakersOption = AUTO_SPEAKERS,
    track: Annotated[str, typer.Option(help="The track's name.")] = "main",
    speaker: Annotated[str | None, typer.Option(help="The name of the speaker, if only one person speaks.")] = None,
    speed: Annotated[float, typer.Option(help="1 is real time, 2 twice as fast, 0 as fast as possible.")] = 1.0,
    words: Annotated[bool, typer.Option("--words", help="Show the times of each word.")] = False,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Stream a recording, standard input or the microphone as a live meeting.

    Ctrl-C ends the meeting: the rest is transcribed and the final minutes are written.
    """
    chunks = _open_source(source, mic)
    if not speed >= 0:
        raise InvalidInput(f"--speed {speed} is not valid; use 1 for real time, 0 for as fast as possible")
    meeting = NewMeeting(
        title=title or (without_ending(shown_name(source)) if source and source != "-" else ""),
        language=language,
        participants=split_list("participants", participants),
        agenda=split_list("agenda", agenda),
        vocabulary=split_list("vocabulary", vocabulary),
        minutes_language=minutes_language,
        template=template,
        speakers=speakers,
        tracks=[NewTrack(name=track, speaker=speaker)],
    )
    # A file may come through a pipe, so a pipe is paced too. Only the microphone paces itself.
    pace = None if mic or speed == 0 else speed
    asyncio.run(_stream(LiveOptions(url, key, as_json, words), meeting, _check_first_chunk(chunks), pace))


def _open_source(source: str | None, mic: bool) -> Iterator[bytes]:
    if mic == (source is not None):
        raise InvalidInput("give either a file, or '-' for standard input, or --mic")
    if source is None:
        return microphone_chunks()
    if source == "-":
        # Unbuffered: Python aborts when it ends while a thread is still reading through a buffer's lock.
        return pipe_chunks(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))
    if not Path(source).is_file():
        raise InvalidInput(f"{source} is not a file; give a WAV, FLAC or OGG file, '-' for standard input, or --mic")
    return file_chunks(Path(source))


def _check_first_chunk(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first chunk early, so that a source without audio creates no meeting. Raises InvalidAudio."""
    first = next(chunks, None)
    if first is None:
        raise InvalidAudio("the source ended without audio (0 bytes); check the program or the file that it comes from")
    return chain((first,), chunks)


async def _until_fault(chunks: AsyncIterator[bytes], faults: list[InvalidAudio]) -> AsyncIterator[bytes]:
    """Yield *chunks* up to the first fault and append it to *faults*. The meeting keeps the audio before it."""
    try:
        async for pcm in chunks:
            yield pcm
    except InvalidAudio as fault:
        faults.append(fault)


async def _stream(door: LiveOptions, new: NewMeeting, source: Iterator[bytes], speed: float | None) -> None:
    stop, faults = asyncio.Event(), list[InvalidAudio]()
    chunks = until(stop, paced(_until_fault(from_thread(source), faults), speed))
    async with Http(door.url, door.key) as http:
        meeting = await http.create(new)
        track = LiveTrack(door.url, meeting.id, key=door.key, track=new.tracks[0].name)
        with stop_on_interrupt(stop):
            if door.as_json:
                await _print_json(track, meeting.id, chunks)
            else:
                screen = await _show(door, track, meeting.id, chunks)
                screen.print_final((await http.meeting(meeting.id)).coverage)
    if faults:
        raise faults[0]


async def _print_json(track: LiveTrack, meeting_id: str, chunks: AsyncIterator[bytes]) -> None:
    print(Event("meeting", {"id": meeting_id}).encode(), flush=True)
    async with aclosing(track.stream(chunks)) as arrivals:
        async for arrival in arrivals:
            print(arrival.event.encode(), flush=True)


async def _show(door: LiveOptions, track: LiveTrack, meeting_id: str, chunks: AsyncIterator[bytes]) -> LiveScreen:
    console = Console()
    console.print(f"Meeting {meeting_id}. Ctrl-C ends it.", style="dim", highlight=False)
    screen = LiveScreen(console, words=door.words)
    with screen:
        async with aclosing(track.stream(chunks)) as arrivals:
            async for arrival in arrivals:
                screen.take(arrival.event)
    return screen
