"""`minutebook watch`: sends every recording that arrives in a folder once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from api.cli.options import (
    RUNNING_STACK,
    AdapterOption,
    ChannelsOption,
    Key,
    LanguageOption,
    StreamsOption,
    Url,
    VocabularyOption,
    terms_of,
)
from api.client.http import Http
from api.client.pace import stop_on_interrupt
from api.client.uploads import Outgoing, send_file
from schema.core.errors import InvalidInput, MinutebookError
from schema.core.states import Channels
from schema.core.wire import AUTO
from schema.uploads.wire import AUTO_STREAMS, NewUpload

RETRY_LIMIT_S = 60.0


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

    def has(self, name: str, look: FileStat) -> bool:
        return (name, look.size, look.changed_ns) in self._looks

    def upload_of(self, sha256: str) -> str | None:
        return self._uploads.get(sha256)

    def add(self, sent: Sent) -> None:
        with self._path.open("a") as journal:
            journal.write(json.dumps(asdict(sent)) + "\n")
            journal.flush()
            os.fsync(journal.fileno())
        self._looks.add((sent.name, sent.size, sent.changed_ns))
        self._uploads[sent.sha256] = sent.upload_id

    def _read(self) -> Iterator[Sent]:
        for line in self._path.read_text().splitlines() if self._path.exists() else ():
            try:
                yield Sent(**json.loads(line))
            except (ValueError, TypeError):  # a crash cut the line off; the server knows the file by its checksum
                continue


class Watch:
    """Scans a folder repeatedly. A file that is unchanged between two scans has stopped growing."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self._folder = folder
        self._journal = journal
        self._before: dict[str, FileStat] = {}
        self._refused: dict[str, FileStat] = {}

    def ready(self) -> list[tuple[Path, FileStat]]:
        """Files that have stopped growing and were neither sent nor refused, oldest first."""
        now = dict(self._scan())
        unchanged = [(name, look) for name, look in now.items() if self._before.get(name) == look and look.size]
        self._before = now
        fresh = [each for each in unchanged if not self._journal.has(*each) and self._refused.get(each[0]) != each[1]]
        return [(self._folder / name, look) for name, look in sorted(fresh, key=lambda each: each[1].changed_ns)]

    def refuse(self, path: Path, look: FileStat) -> None:
        """Do not send the file again until it changes."""
        self._refused[path.name] = look

    def _scan(self) -> Iterator[tuple[str, FileStat]]:
        for entry in os.scandir(self._folder):
            if not entry.name.startswith(".") and entry.is_file():
                facts = entry.stat()
                yield entry.name, FileStat(facts.st_size, facts.st_mtime_ns)


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to watch.")],
    every_s: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two scans.")] = 5.0,
    journal: Annotated[Path | None, typer.Option(help="The file that records what was sent.")] = None,
    language: LanguageOption = AUTO,
    vocabulary: VocabularyOption = "",
    adapter: AdapterOption = None,
    channels: ChannelsOption = Channels.MIX,
    streams: StreamsOption = AUTO_STREAMS,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Watch a folder, and send every recording that arrives in it.

    A file is sent once it has stopped growing. Ctrl-C ends the command.
    """
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder; give the folder in which recordings arrive")
    new = NewUpload(
        language=language,
        vocabulary=terms_of(vocabulary),
        asr_adapter=adapter,
        channels=channels,
        streams=streams,
    )
    journal_file = Journal(journal or _default_journal(folder))
    asyncio.run(_watch(Watch(folder, journal_file), journal_file, new, every_s, Http(url, key)))


def _default_journal(folder: Path) -> Path:
    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return Path(typer.get_app_dir("minutebook")) / f"watch-{place}.jsonl"


async def _watch(watch: Watch, journal: Journal, new: NewUpload, every_s: float, http: Http) -> None:
    stop = asyncio.Event()
    async with http:
        with stop_on_interrupt(stop):
            while not stop.is_set():
                for path, look in watch.ready():
                    await _send(watch, journal, new, http, path, look)
                    if stop.is_set():
                        return
                try:
                    async with asyncio.timeout(every_s):
                        await stop.wait()
                except TimeoutError:
                    continue


async def _send(watch: Watch, journal: Journal, new: NewUpload, http: Http, path: Path, look: FileStat) -> None:
    try:
        file = await asyncio.to_thread(Outgoing.of, path)
        upload_id = journal.upload_of(file.sha256)
        if upload_id is None:
            sent = await send_file(http, file, new, again=False, retry_limit_s=RETRY_LIMIT_S, progress=lambda _: None)
            upload_id = sent.duplicate_of or sent.id
            typer.echo(f"{path.name}: upload {upload_id}")
        journal.add(Sent(path.name, look.size, look.changed_ns, file.sha256, upload_id))
    except MinutebookError as error:
        typer.echo(f"error: {path.name}: {error.detail}", err=True)
        if not error.retryable:
            watch.refuse(path, look)
