"""`minutebook upload`: sends recordings to be transcribed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from api.cli.options import (
    RUNNING_STACK,
    AdapterOption,
    AgendaOption,
    AsJson,
    ChannelsOption,
    Key,
    LanguageOption,
    MinutesLanguageOption,
    ParticipantsOption,
    RecordedAtOption,
    SpeakersOption,
    StreamsOption,
    TemplateOption,
    Url,
    VocabularyOption,
)
from api.client.http import Http
from api.client.uploads import Outgoing, get_upload, send_file
from api.export.phrases import clock
from schema.core.errors import InvalidInput, MinutebookError
from schema.core.lines import shown
from schema.core.states import AUTO_STREAMS, Channels, UploadState
from schema.core.wire import AUTO
from schema.minutes.briefing import split_list
from schema.speakers.wish import AUTO_SPEAKERS
from schema.uploads.wire import NewUpload, UploadOut

POLL_S = 1.0
RETRY_LIMIT_S = 600.0
REMEDY = (
    "if another language is spoken than the meeting's, name it with --language; a model whose name ends in .en reads "
    "only English (MINUTEBOOK_ASR_MODEL)"
)
FINAL_STATES = (UploadState.FINISHED, UploadState.FAILED, UploadState.CANCELLED)


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """The options that apply to all files of one command."""

    new: NewUpload
    again: bool
    wait: bool
    as_json: bool


def upload(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Sound or video files of any format.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the minutes are written.")] = False,
    title: Annotated[str, typer.Option(help="The meeting's title; by default from its tags or its name.")] = "",
    recorded_at: RecordedAtOption = None,
    language: LanguageOption = AUTO,
    vocabulary: VocabularyOption = "",
    participants: ParticipantsOption = "",
    agenda: AgendaOption = "",
    minutes_language: MinutesLanguageOption = None,
    template: TemplateOption = None,
    adapter: AdapterOption = None,
    channels: ChannelsOption = Channels.MIX,
    streams: StreamsOption = AUTO_STREAMS,
    speakers: SpeakersOption = AUTO_SPEAKERS,
    priority: Annotated[int, typer.Option(help="A higher priority goes first; above 0 needs an admin key.")] = 0,
    again: Annotated[bool, typer.Option("--again", help="Send the file even if it was sent before.")] = False,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Send recordings to be transcribed.

    An interrupted upload continues where it stopped, also when you run the same command again later.
    """
    absent = next((path for path in files if not path.is_file()), None)
    if absent is not None:
        raise InvalidInput(f"{absent} is not a file; give sound or video files")
    new = NewUpload(
        title=title,
        recorded_at=recorded_at,
        language=language,
        participants=split_list("participants", participants),
        agenda=split_list("agenda", agenda),
        vocabulary=split_list("vocabulary", vocabulary),
        minutes_language=minutes_language,
        template=template,
        asr_adapter=adapter,
        channels=channels,
        streams=streams,
        speakers=speakers,
        priority=priority,
    )
    failed = asyncio.run(_upload_all(files, UploadOptions(new, again, wait, as_json), url, key))
    raise typer.Exit(int(failed))


async def _upload_all(files: list[Path], wish: UploadOptions, url: str, key: str | None) -> bool:
    """Send the files one after another, then wait for all. Returns whether one of them failed."""
    console = Console(soft_wrap=True)
    failed = False
    async with Http(url, key) as http:
        with ProgressBars(console, visible=console.is_terminal and not wish.as_json) as bars:
            sent: list[tuple[Path, UploadOut]] = []
            for path in files:
                try:
                    sent.append((path, await _send(http, path, wish, bars)))
                except MinutebookError as error:
                    if len(files) == 1:
                        raise
                    failed = True
                    typer.echo(f"error: {shown(str(path))}: {error.detail}", err=True)
            ended = await asyncio.gather(*(_wait(http, path, each, wish, bars) for path, each in sent))
    for path, last in zip((path for path, _ in sent), ended, strict=True):
        failed |= last.state in (UploadState.FAILED, UploadState.CANCELLED) or not _has_text(last)
        _print_result(console, path, last, wish.as_json)
    return failed


async def _send(http: Http, path: Path, wish: UploadOptions, bars: ProgressBars) -> UploadOut:
    file = await asyncio.to_thread(Outgoing.of, path)
    bar = bars.add(shown(path.name), "sending", file.size)
    return await send_file(
        http,
        file,
        wish.new.model_copy(update={"modified_at": file.modified_at}),
        again=wish.again,
        retry_limit_s=RETRY_LIMIT_S,
        progress=lambda received: bars.move(bar, received),
        retrying=lambda error: _tell_of_retries(path, error),
    )


def _tell_of_retries(path: Path, error: MinutebookError) -> None:
    minutes = f"{RETRY_LIMIT_S / 60:.0f} minutes"
    typer.echo(f"{shown(str(path))}: {error.detail}; trying again for {minutes}, Ctrl-C ends it", err=True)


async def _wait(http: Http, path: Path, upload: UploadOut, wish: UploadOptions, bars: ProgressBars) -> UploadOut:
    """Wait until the upload has ended, if that is wanted, and return it."""
    if upload.duplicate_of is not None:
        upload = await get_upload(http, upload.duplicate_of)
    if not wish.wait:
        return upload
    bar = bars.add(shown(path.name), upload.state, 100)
    while upload.state not in FINAL_STATES:
        bars.move(bar, upload.percent or 0.0, _progress_label(upload))
        await asyncio.sleep(POLL_S)
        upload = await get_upload(http, upload.id)
    bars.move(bar, 100, upload.state)
    return upload


def _progress_label(upload: UploadOut) -> str:
    if upload.paused:
        return f"{upload.state}, paused"
    left = f", {clock(upload.left_s)} left" if upload.left_s else ""
    if upload.percent == 100.0:
        return f"writing the minutes, {upload.minutes_percent or 0.0:.0f} %{left}"
    speed = f", {upload.speed:.0f} x real time" if upload.speed else ""
    return f"{upload.state}{speed}{left}"


def _has_text(upload: UploadOut) -> bool:
    """False if the meeting is finished, some audio has failed, and nothing at all was transcribed."""
    ended, coverage = upload.state == UploadState.FINISHED, upload.coverage
    return not (ended and coverage.failed_s and not coverage.transcribed_s)


def _failed_audio(upload: UploadOut) -> str:
    """`12.0 s of 40.0 s could not be transcribed (repetition)`."""
    coverage = upload.coverage
    reason = f" ({upload.failed_reason})" if upload.failed_reason else ""
    return f"{coverage.failed_s:.1f} s of {coverage.received_s:.1f} s could not be transcribed{reason}"


def _print_result(console: Console, path: Path, upload: UploadOut, as_json: bool) -> None:
    if as_json:
        typer.echo(upload.model_dump_json())
    elif upload.state == UploadState.FAILED:
        typer.echo(f"error: {shown(str(path))}: {upload.reason}: {upload.detail}", err=True)
    elif not _has_text(upload):
        reason = f"no text: {_failed_audio(upload)}; meeting {upload.meeting_id}; {REMEDY}"
        typer.echo(f"error: {shown(str(path))}: {reason}", err=True)
    else:
        done = upload.state == UploadState.FINISHED
        then = f"'minutebook show {upload.meeting_id}' shows its minutes" if done else f"upload {upload.id}"
        remarks = [upload.detail or "", _failed_audio(upload) if upload.coverage.failed_s else ""]
        remark = "".join(f"; {each}" for each in remarks if each)
        console.print(
            f"{shown(str(path))}: {upload.state}; meeting {upload.meeting_id}; {then}{remark}",
            highlight=False,
            markup=False,
        )


class ProgressBars:
    """One progress bar per file in a terminal, nothing elsewhere."""

    def __init__(self, console: Console, *, visible: bool) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        stage = TextColumn("{task.fields[stage]}", markup=False)
        self._progress = Progress(*columns, stage, console=console, disable=not visible)

    def __enter__(self) -> ProgressBars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def add(self, name: str, stage: str, total: float) -> TaskID:
        return self._progress.add_task(name, total=total, stage=stage)

    def move(self, bar: TaskID, to: float, stage: str | None = None) -> None:
        fields = {} if stage is None else {"stage": stage}
        self._progress.update(bar, completed=to, **fields)  # type: ignore[arg-type]
