"""`minutebook watch` against a real API: each recording of a folder is sent once and whole, and no file ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli.watch import FileStat, Journal, Sender, Sent, Watch
from api.client.http import Http
from api.client.uploads import Outgoing, send_file
from schema.core.errors import InvalidInput, Unavailable
from schema.core.states import UploadState
from schema.uploads.wire import NewUpload
from tests.api.cli.conftest import rows
from tests.api.process import ApiProcess
from tests.waiting import wait_until


def test_watch_uploads_each_recording_of_a_folder_once(api: ApiProcess, tmp_path: Path) -> None:
    folder, journal = tmp_path / "in", tmp_path / "journal.jsonl"
    folder.mkdir()
    (folder / "one.wav").write_bytes(b"one" * 1000)
    (folder / ".hidden.wav").write_bytes(b"hidden")
    (folder / "empty.wav").touch()

    def start_watch() -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "api.cli",
            "watch",
            str(folder),
            "--every",
            "0.1",
            "--settle",
            "0.2",
            "--journal",
            str(journal),
        ]
        return subprocess.Popen([*command, "--url", api.url])

    watch = start_watch()
    wait_until("one file is uploaded", lambda: len(rows(api)), lambda count: count == 1)
    (folder / "two.wav").write_bytes(b"two" * 1000)
    wait_until("two files are uploaded", lambda: len(rows(api)), lambda count: count == 2)
    wait_until("two files are in the journal", journal.read_text, lambda text: len(text.splitlines()) == 2)
    watch.kill()
    watch.wait()
    (folder / "three.wav").write_bytes(b"one" * 1000)  # the same bytes under another name
    watch = start_watch()
    wait_until("three files are in the journal", journal.read_text, lambda text: len(text.splitlines()) == 3)
    watch.send_signal(signal.SIGINT)
    assert watch.wait(20) == 0
    assert [row.name for row in rows(api)] == ["one.wav", "two.wav"]


def test_watch_leaves_a_growing_file_alone(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    watch = Watch(folder, Journal(tmp_path / "journal"))
    growing = folder / "growing.wav"
    for size in (10, 20, 30):
        growing.write_bytes(bytes(size))
        assert watch.ready() == []
    ((path, look),) = watch.ready()
    assert (path, look.size) == (growing, 30)


def test_watch_does_not_retry_a_refused_file_until_it_changes(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    watch = Watch(folder, Journal(tmp_path / "journal"))
    bad = folder / "bad.wav"
    bad.write_bytes(b"bad")
    watch.ready()
    watch.refuse(*watch.ready()[0])
    assert watch.ready() == []
    bad.write_bytes(b"better")
    watch.ready()
    assert [path for path, _ in watch.ready()] == [bad]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def names(watch: Watch) -> list[str]:
    return [path.name for path, _ in watch.ready()]


def test_watch_waits_until_a_stalled_copy_has_not_changed_for_long_enough(folder: Path, tmp_path: Path) -> None:
    now_s = [0.0]
    watch = Watch(folder, Journal(tmp_path / "journal"), settle_s=20, clock=lambda: now_s[0])
    for now_s[0], size in ((0, 10), (15, 10), (19, 20), (38, 20)):
        (folder / "copy.wav").write_bytes(bytes(size))
        os.utime(folder / "copy.wav", (1, 1))
        assert names(watch) == [], now_s
    now_s[0] = 39
    assert names(watch) == ["copy.wav"]


def test_watch_leaves_alone_what_is_no_recording(folder: Path, tmp_path: Path) -> None:
    for name in ("a.wav.part", "a.wav.crdownload", "~$a.mp4", "a.mp4~", "#a#", ".a.wav.swp", "B.TMP"):
        (folder / name).write_bytes(b"x")
    (folder / "empty.wav").touch()
    (folder / "folder.wav").mkdir()
    (folder / "nowhere.wav").symlink_to("gone.wav")
    (folder / "circle.wav").symlink_to("circle.wav")
    os.mkfifo(folder / "pipe.wav")
    (folder / "real.wav").write_bytes(b"x")
    (folder / "link.wav").symlink_to("real.wav")
    watch = Watch(folder, Journal(tmp_path / "journal"))
    watch.ready()
    assert sorted(names(watch)) == ["link.wav", "real.wav"]


def test_watch_goes_on_when_its_folder_comes_back(folder: Path, tmp_path: Path) -> None:
    watch = Watch(folder, Journal(tmp_path / "journal"))
    (folder / "one.wav").write_bytes(b"x")
    watch.ready()
    folder.rename(tmp_path / "away")
    with pytest.raises(Unavailable, match="No such file"):
        watch.ready()
    (tmp_path / "away").rename(folder)
    watch.ready()
    assert names(watch) == ["one.wav"]


def test_watch_survives_every_odd_file_and_sends_the_others(
    api: ApiProcess, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One name is not UTF-8, one file is gone when it is read, and one goes on growing after it was sent."""
    Path(os.fsdecode(os.fsencode(folder) + b"/Jos\xe9\x1b.wav")).write_bytes(b"odd")
    (folder / "gone.wav").write_bytes(b"gone")
    (folder / "growing.wav").write_bytes(b"half")

    async def scan(meanwhile: Callable[[], object]) -> None:
        async with Http(api.url) as http:
            journal = Journal(tmp_path / "journal")
            sender = Sender(Watch(folder, journal), journal, NewUpload(), http)
            sender.ready()
            ready = sender.ready()
            meanwhile()
            for file, look in ready:
                await sender.send(file, look)

    asyncio.run(scan((folder / "gone.wav").unlink))
    (folder / "growing.wav").write_bytes(b"half and half")
    for _ in range(2):
        asyncio.run(scan(lambda: None))
    told = capsys.readouterr()
    assert "gone.wav cannot be read (No such file or directory)" in told.err
    assert "Jos\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.wav: upload " in told.out
    assert "of its beginning is cancelled" in told.out
    assert sorted((row.name, row.state, row.size_bytes) for row in rows(api)) == [
        ("", UploadState.CANCELLED, 4),
        ("Jos\N{REPLACEMENT CHARACTER}.wav", UploadState.QUEUED, 3),
        ("growing.wav", UploadState.QUEUED, 13),
    ]


def test_a_file_that_is_cut_while_it_is_sent_leaves_no_meeting(api: ApiProcess, tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(b"whole")
    file = Outgoing.of(path)
    path.write_bytes(b"cut")

    async def send() -> None:
        async with Http(api.url) as http:
            await send_file(http, file, NewUpload(), again=False, retry_limit_s=5, progress=lambda _: None)

    with pytest.raises(InvalidInput, match="had 5 bytes and now ends at 3"):
        asyncio.run(send())
    assert [row.state for row in rows(api)] == [UploadState.CANCELLED]


def test_a_truncated_journal_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    Journal(path).add(Sent("one.wav", 3, 5, "aa", "u1"))
    with path.open("a") as file:
        file.write('{"name": "two')
    journal = Journal(path)
    assert journal.has("one.wav", FileStat(3, 5))
    assert journal.upload_of("aa") == "u1"
    assert not journal.has("two.wav", FileStat(3, 5))
    journal.add(Sent("two.wav", 3, 5, "bb", "u2"))
    assert Journal(path).upload_of("bb") == "u2"
