"""`minutebook upload` and `watch` against a real API: broken uploads are resumed and nothing is sent twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from api.cli.watch import FileStat, Journal, Sender, Sent, Watch
from api.client.http import Http
from api.client.uploads import Outgoing, send_file
from api.uploads.receiver import BLOCK_BYTES
from schema.core.database import Database
from schema.core.errors import InvalidInput, Unavailable
from schema.core.states import CoverageKind, UploadState
from schema.core.units import samples_of_s
from schema.meetings.tables import Coverage, Track
from schema.uploads.failures import UploadFailure
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload
from tests.api.cli.conftest import RunMinutebook
from tests.api.process import ApiProcess
from tests.waiting import wait_until


@pytest.fixture
def api(tmp_path: Path, valkey_url: str) -> Iterator[ApiProcess]:
    folder = tmp_path / "server"
    folder.mkdir()
    process = ApiProcess(folder, valkey_url)
    process.start()
    yield process
    process.end()


def rows(api: ApiProcess) -> list[Upload]:
    database = Database(api.settings.sql_url)
    with database.read() as session:
        found = list(session.scalars(select(Upload).order_by(Upload.created_at)))
    database.close()
    return found


def stored(api: ApiProcess, upload_id: str) -> bytes:
    return (Path(api.settings.storage_url) / upload_id).read_bytes()


def test_uploaded_files_are_recognised_when_sent_again(
    minutebook: RunMinutebook, api: ApiProcess, tmp_path: Path
) -> None:
    paths = [tmp_path / "one.wav", tmp_path / "two.mp4"]
    for path in paths:
        path.write_bytes(os.urandom(50_000))
    sent = minutebook("upload", *map(str, paths), "--json", "--url", api.url)
    assert sent.status == 0, sent.err
    uploads = [json.loads(line) for line in sent.out.splitlines()]
    assert [(each["name"], each["state"]) for each in uploads] == [("one.wav", "queued"), ("two.mp4", "queued")]
    assert [stored(api, each["id"]) for each in uploads] == [path.read_bytes() for path in paths]
    again = minutebook("upload", str(paths[0]), "--json", "--url", api.url)
    assert json.loads(again.out)["id"] == uploads[0]["id"]
    assert len(rows(api)) == 2
    minutebook("upload", str(paths[0]), "--again", "--url", api.url)
    assert len(rows(api)) == 3


def test_upload_wait_prints_the_reason_of_a_failure(minutebook: RunMinutebook, api: ApiProcess, tmp_path: Path) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(b"not audio")

    def fail() -> None:
        wait_until(
            "the upload is queued", lambda: [row.state for row in rows(api)], lambda seen: UploadState.QUEUED in seen
        )
        database = Database(api.settings.sql_url)
        with database.write() as session:
            row = session.scalars(select(Upload)).one()
            row.state, row.reason, row.detail = UploadState.FAILED, UploadFailure.NOT_MEDIA, "it is not audio"
        database.close()

    worker = threading.Thread(target=fail)
    worker.start()
    waited = minutebook("upload", str(path), "--wait", "--url", api.url)
    worker.join()
    assert waited.status == 1
    assert "not_media: it is not audio" in waited.err


def end_with_coverage(api: ApiProcess, spans: Sequence[tuple[CoverageKind, float, float]]) -> None:
    """Finish the only upload, with *spans* of coverage given by kind, start and end in seconds."""
    wait_until(
        "the upload is queued", lambda: [row.state for row in rows(api)], lambda seen: UploadState.QUEUED in seen
    )
    database = Database(api.settings.sql_url)
    with database.write() as session:
        upload = session.scalars(select(Upload)).one()
        track = session.scalars(select(Track).where(Track.meeting_id == upload.meeting_id)).one()
        for kind, first_s, end_s in spans:
            reason = "repetition" if kind == CoverageKind.FAILED else None
            first, track.committed_sample = samples_of_s(first_s), samples_of_s(end_s)
            session.add(
                Coverage(
                    track_id=track.id, first_sample=first, end_sample=samples_of_s(end_s), kind=kind, reason=reason
                )
            )
        upload.state = UploadState.FINISHED
    database.close()


@pytest.mark.parametrize(
    ("spans", "status", "line"),
    [
        (
            [(CoverageKind.SILENT, 0, 2), (CoverageKind.FAILED, 2, 12)],
            1,
            "no text: 10.0 s of 12.0 s could not be transcribed (repetition)",
        ),
        (
            [(CoverageKind.TRANSCRIBED, 0, 9), (CoverageKind.FAILED, 9, 12)],
            0,
            "shows its minutes; 3.0 s of 12.0 s could not be transcribed (repetition)",
        ),
        ([(CoverageKind.SILENT, 0, 12)], 0, "shows its minutes"),
    ],
)
def test_upload_wait_tells_how_much_audio_failed_and_fails_if_all_did(
    minutebook: RunMinutebook,
    api: ApiProcess,
    tmp_path: Path,
    spans: list[tuple[CoverageKind, float, float]],
    status: int,
    line: str,
) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(os.urandom(1000))
    worker = threading.Thread(target=end_with_coverage, args=(api, spans))
    worker.start()
    waited = minutebook("upload", str(path), "--wait", "--url", api.url)
    worker.join()
    assert (waited.status, line in (waited.err if status else waited.out)) == (status, True)
    assert ("--language" in waited.err) == bool(status)
    assert ("could not" in waited.out + waited.err) == any(kind == CoverageKind.FAILED for kind, *_ in spans)


def test_a_queued_recording_is_not_listed_as_live(minutebook: RunMinutebook, api: ApiProcess, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(os.urandom(1000))
    minutebook("upload", str(path), "--url", api.url)
    listed = minutebook("list", "--url", api.url).out
    assert ("queued" in listed, "live" in listed) == (True, False)


def test_uploads_are_listed_paused_and_cancelled(minutebook: RunMinutebook, api: ApiProcess, tmp_path: Path) -> None:
    path = tmp_path / "one.wav"
    path.write_bytes(os.urandom(1000))
    upload_id = json.loads(minutebook("upload", str(path), "--json", "--url", api.url).out)["id"]
    for command in ("pause", "cancel"):
        assert minutebook("uploads", command, upload_id, "--url", api.url).status == 0
        assert upload_id in minutebook("uploads", "list", "--url", api.url).out
    (row,) = rows(api)
    assert (row.paused, row.state) == (True, UploadState.CANCELLED)


def test_an_upload_resumes_after_the_server_was_killed(api: ApiProcess, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(os.urandom(6 * BLOCK_BYTES))
    killed: list[int] = []

    def progress(received: int) -> None:
        """Called while a piece is being sent. Kills and restarts the server once, after some blocks."""
        if received > 4 * BLOCK_BYTES and not killed:
            killed.append(received)
            api.end(signal.SIGKILL)
            api.start()

    async def send() -> str:
        async with Http(api.url) as http:
            file = Outgoing.of(path)
            return (await send_file(http, file, NewUpload(), again=False, retry_limit_s=60, progress=progress)).id

    upload_id = asyncio.run(send())
    assert killed
    assert stored(api, upload_id) == path.read_bytes()
    assert rows(api)[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(rows(api)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["upload", "absent.wav"], "absent.wav is not a file"),
        (["upload", __file__, "--language", "Klingon"], "language = 'Klingon' is not valid"),
        (["upload", __file__, "--streams", "1;2"], "streams = '1;2' is not valid"),
        (["upload", __file__, "--priority", "99"], "priority = 99 is not valid"),
        (["upload", __file__, "--recorded-at", "soon"], "--recorded-at 'soon' is not valid"),
        (["upload", __file__, "--recorded-at", "1904-01-01"], "--recorded-at '1904-01-01' is not valid"),
        (["watch", "absent"], "absent is not a folder"),
    ],
)
def test_invalid_arguments_are_refused_with_the_remedy(
    minutebook: RunMinutebook, arguments: list[str], message: str
) -> None:
    refused = minutebook(*arguments)
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.startswith(f"error: {message}")


def test_an_empty_file_is_refused_without_a_request(minutebook: RunMinutebook, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    refused = minutebook("upload", str(tmp_path / "empty.wav"))
    assert refused.status == 2
    assert "is empty" in refused.err


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
