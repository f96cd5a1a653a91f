"""Uploads: stored completely or not at all, recognised when sent again, listed, paused and cancelled."""

from __future__ import annotations

import json
import os
import resource
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api.app import create_app
from api.auth.keys import create_key
from api.uploads.receiver import BLOCK_BYTES
from schema.core import queues
from schema.core.errors import InvalidInput
from schema.core.settings import Settings
from schema.core.states import MeetingState, Scope, UploadState
from schema.meetings.tables import Meeting, Note, Segment, Track
from schema.minutes.briefing import Briefing
from schema.uploads.tables import Upload
from tests.api.conftest import Api
from tests.api.database_rows import add_note, add_segment
from tests.waiting import wait_until

SOUND = os.urandom(100_000)
RequestArguments = dict[str, Any]


def send(api: Api, data: bytes = SOUND, name: str = "talk.wav", again: bool = False, **fields: str) -> httpx.Response:
    """POST a form with *data* as its file."""
    return api.http.post(
        "/v1/uploads", files={"file": (name, data)}, data=fields, params={"again": again} if again else {}
    )


def stored(api: Api) -> dict[str, bytes]:
    folder = Path(api.config.storage_url)
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def rows(api: Api) -> list[Upload]:
    with api.database.read() as session:
        return list(session.scalars(select(Upload).order_by(Upload.created_at)))


def assert_nothing_left(api: Api) -> None:
    """There is no file, no visible meeting and no track."""
    assert stored(api) == {}
    assert api.http.get("/v1/meetings").json()["meetings"] == []
    with api.database.read() as session:
        assert session.scalars(select(Track)).all() == []


def test_a_file_is_stored_gets_a_meeting_and_is_queued_for_ingest(api: Api) -> None:
    answer = send(
        api,
        name="../../Weekly\\Launch.mp4",
        language="en",
        vocabulary="Priya, Leo",
        participants="Priya,Leo",
        agenda="Now, then; Next",
    )
    assert answer.status_code == 201
    upload = answer.json()
    assert (upload["state"], upload["name"]) == ("queued", "Launch.mp4")
    assert upload["received_bytes"] == upload["size_bytes"] == len(SOUND)
    assert stored(api) == {upload["id"]: SOUND}
    assert api.http.get(f"/v1/uploads/{upload['id']}").json() == upload
    meeting = api.http.get(f"/v1/meetings/{upload['meeting_id']}").json()
    assert (meeting["title"], meeting["state"]) == ("Launch", "live")
    with api.database.read() as session:
        assert session.scalars(select(Track.kind)).one() == "batch"
        briefing = session.scalars(select(Meeting)).one().briefing
    assert briefing == Briefing(
        participants=["Priya", "Leo"], agenda=["Now, then", "Next"], vocabulary=["Priya", "Leo"], template="general"
    )
    wait_until("a message is queued", lambda: api.redis.llen(queues.INGEST_QUEUE))
    message = json.loads(api.redis.lrange(queues.INGEST_QUEUE, 0, -1)[0])
    assert message["headers"]["task"] == queues.INGEST
    assert upload["id"] in message["headers"]["argsrepr"]


def test_a_file_of_many_blocks_is_stored_as_it_was_sent(api: Api) -> None:
    data = os.urandom(2 * BLOCK_BYTES + 12_345)
    upload = send(api, data).json()
    assert stored(api)[upload["id"]] == data
    assert upload["received_bytes"] == len(data)


def test_a_file_without_a_name_gives_no_title_and_no_source_of_one(api: Api) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    upload = api.http.post("/v1/uploads", content=head + SOUND + b"\r\n--x--\r\n", headers=headers).json()
    meeting = api.http.get(f"/v1/meetings/{upload['meeting_id']}").json()
    assert (meeting["title"], meeting["title_source"]) == ("", None)


def test_form_fields_after_the_file_are_read(api: Api) -> None:
    form: list[tuple[str, Any]] = [
        ("file", ("a.wav", SOUND)),
        ("title", (None, "Launch")),
        ("channels", (None, "speakers")),
    ]
    upload = api.http.post("/v1/uploads", files=form).json()
    assert upload["channels"] == "speakers"
    assert api.http.get(f"/v1/meetings/{upload['meeting_id']}").json()["title"] == "Launch"


def test_what_uppy_says_of_a_file_in_a_form_is_no_option(api: Api) -> None:
    sent = send(api, name="a b.wav", type="audio/wav", relativePath="calls/a b.wav")
    assert (sent.status_code, sent.json()["name"]) == (201, "a b.wav")
    form: list[tuple[str, Any]] = [
        ("name", (None, "a b.wav")),
        ("file", ("c.wav", SOUND[1:])),
        ("langage", (None, "de")),
    ]
    refused = api.http.post("/v1/uploads", files=form)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"field": "langage", "value": "'de'", "remedy": "There is no such field; leave it out"}
    ]


@pytest.mark.parametrize(
    ("option", "status", "message"),
    [
        ({"priority": "5"}, 403, "priority 5"),
        ({"translate": "true"}, 422, "knows English only"),
        ({"language": "de"}, 422, "supports English only"),
        ({"asr_adapter": "none"}, 422, "'none' is not an adapter"),
        ({"summary_adapter": "none"}, 422, "'none' is not an adapter"),
        ({"template": "none"}, 422, "template 'none' is not known"),
        ({"speakers": "2"}, 422, "does not tell speakers apart"),
        ({"recorded_at": "1970-01-01"}, 422, "recorded_at = '1970-01-01'"),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_an_option_is_refused_wherever_it_stands_in_the_form(
    start: Callable[..., Api], option: dict[str, str], status: int, message: str, after: bool
) -> None:
    api = start(auth="on")
    headers = {"Authorization": f"Bearer {create_key(api.database, 'a', [Scope.READ, Scope.WRITE]).key}"}
    file: list[tuple[str, Any]] = [("file", ("a.wav", SOUND))]
    fields: list[tuple[str, Any]] = [(name, (None, value)) for name, value in option.items()]
    answer = api.http.post("/v1/uploads", files=[*file, *fields] if after else [*fields, *file], headers=headers)
    assert (answer.status_code, message in answer.json()["detail"]) == (status, True), answer.text
    assert api.http.get("/v1/meetings", headers=headers).json()["meetings"] == []
    assert stored(api) == {}
    # An upload that had begun says why it ended.
    assert [message in (row.detail or "") for row in rows(api)] == ([True] if after else [])


def test_the_same_file_again_is_answered_with_the_existing_upload(api: Api) -> None:
    first = send(api).json()
    answer = send(api, name="copy.wav")
    assert answer.status_code == 200
    assert answer.json()["id"] == first["id"]
    assert list(stored(api)) == [first["id"]]
    assert len(api.http.get("/v1/meetings").json()["meetings"]) == 1
    _, copy = rows(api)
    assert (copy.state, copy.reason, copy.duplicate_of) == ("cancelled", "duplicate", first["id"])
    once_more = send(api, again=True)
    assert once_more.status_code == 201
    assert send(api, channels="speakers").status_code == 201
    chosen = send(api, streams=" 1, 2")
    assert (chosen.status_code, chosen.json()["streams"]) == (201, "1,2")


def test_the_same_file_from_another_key_is_a_separate_upload(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    ids = set()
    for name in "ab":
        key = create_key(api.database, name, [Scope.READ, Scope.WRITE]).key
        headers = {"Authorization": f"Bearer {key}"}
        answer = api.http.post("/v1/uploads", files={"file": ("a", SOUND)}, headers=headers)
        assert answer.status_code == 201
        ids.add(answer.json()["id"])
        assert [each["id"] for each in api.http.get("/v1/uploads", headers=headers).json()["uploads"]] == [
            answer.json()["id"]
        ]
    assert len(ids) == 2


def test_a_file_name_in_the_extended_form_is_read(api: Api) -> None:
    """Some clients send a name that is not ASCII only like this."""
    head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-8''%D8%AC%D9%84%D8%B3%D9%87.wav\r\n\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = api.http.post("/v1/uploads", content=head.encode() + SOUND + b"\r\n--x--\r\n", headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == "جلسه.wav"
    assert stored(api) == {answer.json()["id"]: SOUND}


@pytest.mark.parametrize(
    ("form", "status", "message"),
    [
        ({"files": {"file": ("a.wav", b"")}}, 422, "the file is empty"),
        ({"files": {"sound": ("a.wav", b"x")}}, 422, "in the field 'sound'; send it in the field 'file'"),
        ({"files": {"file": ("a.wav", b"x")}, "data": {"colour": "red"}}, 422, "colour"),
        ({"files": {"file": ("a.wav", b"x")}, "data": {"language": "Klingon"}}, 422, "language = 'Klingon'"),
        ({"files": {"file": ("a.wav", b"x")}, "data": {"language": "de"}}, 422, "supports English only"),
        ({"files": {"file": ("a.wav", b"x")}, "data": {"asr_adapter": "none"}}, 422, "'none' is not an adapter"),
        ({"files": {"file": ("a.wav", b"x")}, "data": {"channels": "left"}}, 422, "channels = 'left'"),
        ({"files": {"file": ("a.wav", b"x")}, "data": {"streams": "0"}}, 422, "streams = '0': Give 'auto', 'all', or"),
        ({"files": {"file": ("a.wav", b"x")}, "data": {"priority": "99"}}, 422, "priority = '99'"),
        ({"files": [("file", ("a", b"x")), ("file", ("b", b"y"))]}, 422, "a second file, in the field 'file'; send"),
        ({"data": {"title": "x"}}, 422, "Content-Type"),
        ({"files": {"title": (None, "x")}}, 422, "no file"),
        ({"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 422, "boundary"),
    ],
)
def test_an_invalid_form_is_refused_and_leaves_nothing(
    api: Api, form: RequestArguments, status: int, message: str
) -> None:
    answer = api.http.post("/v1/uploads", **form)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert message in answer.json()["detail"]
    assert_nothing_left(api)


def test_a_file_over_the_limit_is_refused_before_its_body_is_read(start: Callable[..., Api]) -> None:
    """The body is never sent, so a server that waited for it would not answer."""
    api = start(upload_limit_bytes=1 << 30)
    head = (
        "POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {5 << 30}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.config.api_port), timeout=20) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer
    assert_nothing_left(api)


def test_a_file_of_unknown_size_is_refused_when_it_exceeds_the_limit(start: Callable[..., Api]) -> None:
    api = start(upload_limit_bytes=3 * BLOCK_BYTES)

    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(16):
            yield bytes(BLOCK_BYTES // 4)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = api.http.post("/v1/uploads", content=body(), headers=headers)
    assert answer.status_code == 413
    assert_nothing_left(api)


def test_a_broken_connection_leaves_nothing(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    head = (
        "POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {3 * BLOCK_BYTES}\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    )
    with socket.create_connection(("127.0.0.1", api.config.api_port), timeout=20) as connection:
        connection.sendall(head.encode() + bytes(BLOCK_BYTES + 1))
        wait_until("some bytes are stored", lambda: [row.received_bytes for row in rows(api)], any)
        assert rows(api)[0].state == "receiving"
    wait_until("the file is deleted", lambda: rows(api)[0].file_deleted_at)
    assert (rows(api)[0].state, rows(api)[0].reason) == ("cancelled", "incomplete")
    assert_nothing_left(api)
    assert api.http.get("/healthz").status_code == 200
    # Clients leave every day, and the log is no place for the stack of each.
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_disk_without_the_reserve_is_refused_before_anything_is_stored(start: Callable[..., Api]) -> None:
    api = start(storage_reserve_bytes=1 << 60)
    answer = send(api)
    assert answer.status_code == 507
    assert answer.json()["retryable"]
    assert "MINUTEBOOK_STORAGE_RESERVE_BYTES" in answer.json()["detail"]
    assert_nothing_left(api)


def test_a_disk_that_fills_up_during_an_upload_leaves_nothing(api: Api) -> None:
    """The kernel lets no file of this process grow beyond one and a half blocks."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BLOCK_BYTES + BLOCK_BYTES // 2, limits[1]))
    try:
        answer = send(api, bytes(3 * BLOCK_BYTES))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert answer.status_code == 507
    assert "has no room" in answer.json()["detail"]
    assert rows(api)[0].state == "cancelled"
    assert_nothing_left(api)


def test_an_unavailable_storage_is_a_503_that_names_it(api: Api) -> None:
    folder = Path(api.config.storage_url)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("not a folder any more")
    answer = send(api)
    assert answer.status_code == 503
    assert "MINUTEBOOK_STORAGE" in answer.json()["detail"]
    folder.unlink()
    assert_nothing_left(api)


def test_more_open_uploads_than_the_limit_are_a_429(start: Callable[..., Api]) -> None:
    api = start(uploads_open_limit=2)
    assert [send(api, os.urandom(10)).status_code for _ in range(3)] == [201, 201, 429]


def test_uploads_are_listed_in_pages_newest_first(api: Api) -> None:
    made = [send(api, os.urandom(10)).json()["id"] for _ in range(5)]
    first = api.http.get("/v1/uploads", params={"limit": 3}).json()
    second = api.http.get("/v1/uploads", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [each["id"] for each in (*first["uploads"], *second["uploads"])] == made[::-1]
    assert second["next_cursor"] is None
    assert api.http.get("/v1/uploads", params={"state": "failed"}).json()["uploads"] == []


def test_an_upload_can_be_paused_and_given_a_lower_priority(api: Api) -> None:
    upload = send(api).json()
    changed = api.http.patch(f"/v1/uploads/{upload['id']}", json={"paused": True, "priority": -3}).json()
    assert (changed["paused"], changed["priority"]) == (True, -3)
    assert api.http.patch(f"/v1/uploads/{upload['id']}", json={"paused": False}).json()["priority"] == -3
    assert api.http.patch(f"/v1/uploads/{upload['id']}", json={"priority": 99}).status_code == 422


def test_only_an_admin_key_may_raise_the_priority(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    statuses = []
    for scopes in ([Scope.READ, Scope.WRITE], [Scope.ADMIN]):
        key = create_key(api.database, "k", scopes).key
        headers = {"Authorization": f"Bearer {key}"}
        answer = api.http.post("/v1/uploads", files={"file": ("a", SOUND)}, data={"priority": "5"}, headers=headers)
        statuses.append(answer.status_code)
    assert statuses == [403, 201]


@pytest.mark.parametrize("state", ["queued", "decoding", "transcribing"])
def test_an_upload_can_be_cancelled_at_every_stage(api: Api, state: str) -> None:
    upload = send(api).json()
    with api.database.write() as session:
        session.get_one(Upload, upload["id"]).state = state
    for _ in range(2):
        assert api.http.delete(f"/v1/uploads/{upload['id']}").status_code == 204
    assert_nothing_left(api)
    shown = api.http.get(f"/v1/uploads/{upload['id']}").json()
    assert (shown["state"], shown["reason"], shown["name"]) == ("cancelled", "cancelled", "")
    assert api.http.get(f"/v1/meetings/{upload['meeting_id']}").status_code == 410


def test_deleting_a_finished_upload_deletes_its_file_and_leaves_its_meeting(api: Api) -> None:
    upload = send(api).json()
    with api.database.write() as session:
        session.get_one(Upload, upload["id"]).state = UploadState.FINISHED
        session.get_one(Meeting, upload["meeting_id"]).state = MeetingState.FINISHED
    assert api.http.delete(f"/v1/uploads/{upload['id']}").status_code == 204
    assert stored(api) == {}
    assert api.http.get(f"/v1/meetings/{upload['meeting_id']}").json()["state"] == "finished"
    assert api.http.get(f"/v1/uploads/{upload['id']}").json()["file_deleted_at"] is not None


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_upload_is_a_404_that_names_it(api: Api, method: str) -> None:
    answer = api.http.request(method, "/v1/uploads/nothing", json={} if method == "PATCH" else None)
    assert answer.status_code == 404
    assert "'nothing'" in answer.json()["detail"]


def test_followers_of_the_meeting_get_events_of_its_upload(api: Api) -> None:
    upload = send(api).json()
    with httpx.stream(
        "GET", f"{api.url}/v1/meetings/{upload['meeting_id']}/events", trust_env=False, timeout=20
    ) as sent:
        lines = sent.iter_lines()
        facts = next_upload(lines)
        assert (facts["id"], facts["state"], facts["paused"]) == (upload["id"], "queued", False)
        api.http.patch(f"/v1/uploads/{upload['id']}", json={"paused": True})
        assert next_upload(lines)["paused"]


def next_upload(lines: Iterator[str]) -> dict[str, Any]:
    """The data of the next event `upload`."""
    wait_until("an upload event arrives", lambda: next(lines), lambda line: line == "event: upload", poll_s=0)
    data = next(line for line in lines if line.startswith("data:")).removeprefix("data:")
    facts: dict[str, Any] = json.loads(data)
    return facts


def test_an_unknown_kind_of_storage_is_refused_at_start(settings: Callable[..., Settings]) -> None:
    with pytest.raises(InvalidInput, match="MINUTEBOOK_STORAGE names 'nonsense://'"):
        create_app(settings(storage="nonsense://bucket"))


def test_the_minutes_of_a_transcribed_recording_have_their_own_progress(api: Api) -> None:
    upload = send(api).json()
    for word in range(4):
        add_segment(api.database, upload["meeting_id"], "four", word, word + 1)
    for ordinal in range(2):
        add_note(api.database, upload["meeting_id"], "note", ordinal)
    with api.database.write() as session:
        row = session.get_one(Upload, upload["id"])
        row.state, row.duration_samples = UploadState.TRANSCRIBING, 64_000
        session.scalars(select(Track).where(Track.meeting_id == row.meeting_id)).one().committed_sample = 64_000
        first, second = session.scalars(select(Note).order_by(Note.id))
        second.created_at = first.created_at + timedelta(seconds=10)
        session.scalars(select(Segment).order_by(Segment.id).limit(1)).one().note_id = first.id
    shown = api.http.get(f"/v1/uploads/{upload['id']}").json()
    assert (shown["percent"], shown["minutes_percent"], shown["left_s"]) == (100.0, 25.0, 60.0)


def test_how_many_speakers_there_are_may_stand_after_the_file_and_needs_voice_models(api: Api) -> None:
    refused = send(api, speakers="4")
    assert refused.status_code == 422
    assert "MINUTEBOOK_SPEAKERS=off" in refused.json()["detail"]
