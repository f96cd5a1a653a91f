"""`minutebook upload` against a real API: broken uploads are resumed and nothing is sent twice."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from api.client.http import Http
from api.client.uploads import Outgoing, send_file
from api.uploads.receiver import BLOCK_BYTES
from schema.core.database import Database
from schema.core.states import CoverageKind, MeetingState, UploadState
from schema.core.units import samples_of_s
from schema.meetings.tables import Coverage, Meeting, Track
from schema.uploads.failures import UploadFailure
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload
from tests.api.cli.conftest import RunMinutebook, rows
from tests.api.process import ApiProcess
from tests.waiting import wait_until


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


def test_the_list_shows_how_far_a_meeting_is_behind(minutebook: RunMinutebook, api: ApiProcess) -> None:
    with httpx.Client(base_url=f"{api.url}/v1/meetings", trust_env=False) as http:
        meeting = http.post(f"{api.url}/v1/meetings", json={"title": "Weekly"}).json()["id"]
        sent = http.post(f"/{meeting}/audio", params={"first_sample": 0}, content=bytes(2 * 16_000 * 3))
        assert sent.is_success, sent.text
    header, line = minutebook("list", "--url", api.url).out.splitlines()
    assert header.split() == ["id", "started", "length", "state", "behind", "title"]
    assert " 3.0 s " in line


def test_a_meeting_takes_one_line_of_80_columns_if_its_title_is_short(
    minutebook: RunMinutebook, api: ApiProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "Jour fixe 12.3..wav"
    path.write_bytes(os.urandom(1000))
    minutebook("upload", str(path), "--title", "Jour fixe 12.3.", "--url", api.url)
    for state in (MeetingState.LIVE, MeetingState.FINISHED):  # live: it waits to be decoded, so nothing is behind
        with contextlib.closing(Database(api.settings.sql_url)) as database, database.write() as session:
            session.execute(update(Meeting).values(state=state))
        header, line = minutebook("list", "--url", api.url).out.splitlines()
        assert header.split() == ["id", "started", "length", "state", "title"]
        assert line.strip().endswith("Jour fixe 12.3.")


def test_uploads_are_listed_paused_and_cancelled(minutebook: RunMinutebook, api: ApiProcess, tmp_path: Path) -> None:
    path = tmp_path / "one.wav"
    path.write_bytes(os.urandom(1000))
    upload_id = json.loads(minutebook("upload", str(path), "--json", "--url", api.url).out)["id"]
    for command in ("pause", "cancel"):
        assert minutebook("uploads", command, upload_id, "--url", api.url).status == 0
        assert upload_id in minutebook("uploads", "list", "--url", api.url).out
    (row,) = rows(api)
    assert (row.paused, row.state) == (True, UploadState.CANCELLED)


def test_the_list_of_uploads_says_why_one_ended_in_one_piece(
    minutebook: RunMinutebook, api: ApiProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "one.wav"
    path.write_bytes(os.urandom(1000))
    first = json.loads(minutebook("upload", str(path), "--json", "--url", api.url).out)["id"]
    with httpx.Client(base_url=api.url, trust_env=False) as http:
        again = http.post("/v1/uploads", files={"file": ("two.wav", path.read_bytes())})
        assert again.status_code == 200
    listed = minutebook("uploads", "list", "--url", api.url).out
    assert f": the same file is upload '{first}'" in listed


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


def test_upload_says_at_once_that_the_server_cannot_be_reached_and_that_it_goes_on(
    minutebook: RunMinutebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.cli.upload.RETRY_LIMIT_S", 2.0)
    refused = minutebook("upload", __file__)
    told, error = refused.err.splitlines()
    assert "http://127.0.0.1:1 cannot be reached" in told
    assert "trying again" in told
    assert error.startswith("error: http://127.0.0.1:1 cannot be reached")
    assert refused.status == 1


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
