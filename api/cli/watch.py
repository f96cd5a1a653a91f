"""`minutebook watch`: sends every recording that arrives in a folder once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

import typer

from api.cli.options import (
    RUNNING_STACK,
    AdapterOption,
    ChannelsOption,
    Key,
    LanguageOption,
    SpeakersOption,
    StreamsOption,
    Url,
    VocabularyOption,
)
from api.client.http import Http
from api.client.pace import stop_on_interrupt
from api.client.uploads import Outgoing, cancel_upload, get_upload, send_file
from schema.core.errors import Conflict, InvalidInput, MinutebookError, Unavailable
from schema.core.lines import shown
from schema.core.states import AUTO_STREAMS, Channels, UploadState
from schema.core.wire import AUTO
from schema.minutes.briefing import split_list
from schema.speakers.wish import AUTO_SPEAKERS
from schema.uploads.wire import NewUpload

RETRY_LIMIT_S = 60.0
TEMPORARY = (".*", "*~", "~$*", "#*#", "*.tmp", "*.temp", "*.part", "*.partial", "*.filepart", "*.crdownload", "*.swp")
"""Hidden files, and names that editors, browsers and copying programs give to a file that is not complete yet."""


GIVEN_UP = (UploadState.FAILED, UploadState.CANCELLED)
ENDED = (*GIVEN_UP, UploadState.FINISHED)


@dataclass(frozen=True, slots=True)
class FileStat:
    """Size and time of a file at one scan of the folder."""

    size: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A line of the journal: a file that was sent."""

    name: str
    size: int
    changed_ns: int
    sha256: str
    upload_id: str


class Journal:
    """The files that were sent, in a file that is only appended to. A restarted watch sends nothing twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.read_text().endswith("\n"):  # the last line was cut off when a watch was killed
            with path.open("a") as journal:
                journal.write("\n")
        sent = list(self._read())
        self._looks = {(each.name, each.size, each.changed_ns) for each in sent}
        self._uploads = {each.sha256: each.upload_id for each in sent}
        self._last = {each.name: each for each in sent}

    def has(self, name: str, look: FileStat) -> bool:
        return (name, look.size, look.changed_ns) in self._looks

    def upload_of(self, sha256: str) -> str | None:
        return self._uploads.get(sha256)

    def last(self, name: str) -> Sent | None:
        """What was last sent under this name."""
        return self._last.get(name)

    def add(self, sent: Sent) -> None:
        with self._path.open("a") as journal:
            journal.write(json.dumps(asdict(sent)) + "\n")
            journal.flush()
            os.fsync(journal.fileno())
        self._looks.add((sent.name, sent.size, sent.changed_ns))
        self._uploads[sent.sha256] = sent.upload_id
        self._last[sent.name] = sent

    def _read(self) -> Iterator[Sent]:
        for line in self._path.read_text().splitlines() if self._path.exists() else ():
            try:
                yield Sent(**json.loads(line))
            except (ValueError, TypeError):  # a crash cut the line off; the server knows the file by its checksum
                continue


class Watch:
    """Scans a folder repeatedly. A file that has not changed for *settle_s* is complete."""

    def __init__(
        self, folder: Path, journal: Journal, settle_s: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._settle_s = settle_s
        self._clock = clock
        self._seen: dict[str, tuple[FileStat, float]] = {}
        """How each file looked, and since when."""
        self._refused: dict[str, FileStat] = {}

    def ready(self) -> list[tuple[Path, FileStat]]:
        """Files that are complete and were neither sent nor refused, oldest first.

        Raises Unavailable if the folder cannot be read, for example because its share is not mounted.
        """
        now_s, before = self._clock(), self._seen
        self._seen = {
            name: before[name] if name in before and before[name][0] == look else (look, now_s)
            for name, look in self._scan()
        }
        settled = [
            (name, look)
            for name, (look, since_s) in self._seen.items()
            if name in before and now_s - since_s >= self._settle_s and since_s < now_s and look.size
        ]
        fresh = [each for each in settled if not self._journal.has(*each) and self._refused.get(each[0]) != each[1]]
        return [(self._folder / name, look) for name, look in sorted(fresh, key=lambda each: each[1].changed_ns)]

    def refuse(self, path: Path, look: FileStat) -> None:
        """Do not send the file again until it changes."""
        self._refused[path.name] = look

    def _scan(self) -> list[tuple[str, FileStat]]:
        try:
            with os.scandir(self._folder) as entries:
                return [(entry.name, look) for entry in entries if (look := _look(entry)) is not None]
        except OSError as error:
            raise Unavailable(
                f"{self._folder} cannot be read ({error.strerror}); watch goes on when it can be read again"
            ) from error


def _look(entry: os.DirEntry[str]) -> FileStat | None:
    """None for what is no recording: folders, links to nothing, hidden and temporary files, files that are gone."""
    if any(fnmatch(entry.name.lower(), pattern) for pattern in TEMPORARY):
        return None
    try:
        facts = entry.stat()
    except OSError:
        return None
    return FileStat(facts.st_size, facts.st_mtime_ns) if stat.S_ISREG(facts.st_mode) else None


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to watch.")],
    every_s: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two scans.")] = 5.0,
    settle_s: Annotated[
        float, typer.Option("--settle", min=0.0, help="Seconds without a change after which a file is complete.")
    ] = 20.0,
    journal: Annotated[Path | None, typer.Option(help="The file that records what was sent.")] = None,
    language: LanguageOption = AUTO,
    vocabulary: VocabularyOption = "",
    adapter: AdapterOption = None,
    channels: ChannelsOption = Channels.MIX,
    streams: StreamsOption = AUTO_STREAMS,
    speakers: SpeakersOption = AUTO_SPEAKERS,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Watch a folder, and send every recording that arrives in it.

    A file is sent once it has stopped changing. If it changes later, it is sent again. Ctrl-C ends the command.
    """
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder; give the folder in which recordings arrive")
    new = NewUpload(
        language=language,
        vocabulary=split_list("vocabulary", vocabulary),
        asr_adapter=adapter,
        channels=channels,
        streams=streams,
        speakers=speakers,
    )
    journal_file = Journal(journal or _default_journal(folder))
    asyncio.run(_watch(Watch(folder, journal_file, settle_s), journal_file, new, every_s, Http(url, key)))


def _default_journal(folder: Path) -> Path:
    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return Path(typer.get_app_dir("minutebook")) / f"watch-{place}.jsonl"


async def _watch(watch: Watch, journal: Journal, new: NewUpload, every_s: float, http: Http) -> None:
    stop, sender = asyncio.Event(), Sender(watch, journal, new, http)
    async with http:
        with stop_on_interrupt(stop):
            while not stop.is_set():
                for path, look in sender.ready():
                    await sender.send(path, look)
                    if stop.is_set():
                        return
                try:
                    async with asyncio.timeout(every_s):
                        await stop.wait()
                except TimeoutError:
                    continue


class Sender:
    """Sends what is ready in a watched folder. A fault is told once, and ends nothing."""

    def __init__(self, watch: Watch, journal: Journal, new: NewUpload, http: Http) -> None:
        self._watch = watch
        self._journal = journal
        self._new = new
        self._http = http
        self._told: dict[str, str] = {}

    def ready(self) -> list[tuple[Path, FileStat]]:
        try:
            found = self._watch.ready()
        except MinutebookError as error:
            self._tell("", error.detail)
            return []
        if self._told.pop("", None):
            typer.echo("the folder can be read again")
        return found

    async def send(self, path: Path, look: FileStat) -> None:
        try:
            file = await asyncio.to_thread(Outgoing.of, path)
        except MinutebookError as error:  # it is gone or may not be read, which can change without a trace in its time
            self._tell(path.name, error.detail)
            return
        if file.size != look.size:  # it is being written again; a later scan sees when it is complete
            return
        try:
            await self._send(file, look)
            self._told.pop(path.name, None)
        except MinutebookError as error:
            self._tell(path.name, error.detail)
            if not error.retryable:
                self._watch.refuse(path, look)

    async def _send(self, file: Outgoing, look: FileStat) -> None:
        name = file.path.name
        upload_id = self._journal.upload_of(file.sha256)
        if upload_id is None:
            dated = self._new.model_copy(update={"modified_at": file.modified_at})
            sent = await send_file(
                self._http, file, dated, again=False, retry_limit_s=RETRY_LIMIT_S, progress=lambda _: None
            )
            upload_id = sent.duplicate_of or sent.id
            if sent.state in GIVEN_UP and sent.duplicate_of is None:
                raise Conflict(f"upload {sent.id} ended early ({sent.detail}); 'minutebook upload FILE' sends it again")
            typer.echo(f"{shown(name)}: upload {upload_id}")
            await self._replace(file)
        self._journal.add(Sent(name, look.size, look.changed_ns, file.sha256, upload_id))

    async def _replace(self, file: Outgoing) -> None:
        """Cancel the upload of the beginning of *file*, which was sent because its copy had stopped for a while."""
        before = self._journal.last(file.path.name)
        if before is None or not await asyncio.to_thread(file.begins_with, before.size, before.sha256):
            return
        with suppress(MinutebookError):
            if (await get_upload(self._http, before.upload_id)).state not in ENDED:
                await cancel_upload(self._http, before.upload_id)
                typer.echo(f"{shown(file.path.name)}: upload {before.upload_id} of its beginning is cancelled")

    def _tell(self, name: str, detail: str) -> None:
        if self._told.get(name) != detail:
            self._told[name] = detail
            typer.echo(f"error: {shown(f'{name}: ' if name else '')}{detail}", err=True)
