"""A request is refused by its key, then by its size, and only then parsed. No body may hold up other requests."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from api.auth import key_cache
from api.auth.keys import create_key, revoke_key
from api.http.json_shape import DEPTH_LIMIT, VALUES_LIMIT
from api.http.middleware import body_limit
from api.http.middleware.body_limit import JSON_LIMIT_BYTES
from api.http.problems import FAULTS_LIMIT
from api.uploads.receiver import BLOCK_BYTES
from schema.core.states import Scope
from schema.uploads.tables import Upload
from tests.api.conftest import Api
from tests.api.sockets import live
from tests.waiting import wait_until

JSON = {"Content-Type": "application/json"}
FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
LIMIT_S = 20


def fields(count: int) -> str:
    return json.dumps({f"field{index}": index for index in range(count)})


def post(api: Api, body: str | bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = api.http.post("/v1/meetings", content=body, headers={**JSON, **headers})
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()


@pytest.mark.parametrize("body", [fields(80_000), "[" * 60_000, "{", b"\xff\xfe"])
def test_a_body_without_a_key_is_not_parsed(start: Callable[..., Api], body: str | bytes) -> None:
    api = start(auth="on")
    assert post(api, body)[0] == 401
    assert post(api, body, Authorization="Bearer mb_0123456789ab_" + "A" * 43)[0] == 401


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/uploads"), ("POST", "/v1/audio/transcriptions"), ("PUT", "/v1/nothing")]
)
def test_a_huge_body_without_a_key_is_refused_before_it_arrives(
    start: Callable[..., Api], method: str, path: str
) -> None:
    api = start(auth="on")
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {5 << 30}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", api.config.api_port), timeout=LIMIT_S) as client:
        client.sendall(head.encode())
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (fields(80_000), 413, f"the limit is {JSON_LIMIT_BYTES}"),
        (fields(VALUES_LIMIT + 1), 422, f"more than {VALUES_LIMIT} values"),
        (json.dumps({"vocabulary": ["a"] * 5000}), 422, f"more than {VALUES_LIMIT} values"),
        ('{"title": ' + "[" * (DEPTH_LIMIT + 1), 422, f"more than {DEPTH_LIMIT} levels"),
        ('{"title": ' + "9" * 5000 + "}", 422, "more than 400 digits"),
        ('{"title": "a"}'.encode("utf-16"), 422, "send JSON in UTF-8"),
        ('{"title": "\\ud800"}', 422, "title"),
        ('{"title": ', 422, "Send JSON"),
    ],
)
def test_json_of_a_hostile_shape_is_refused_with_the_reason(
    api: Api, body: str | bytes, status: int, message: str
) -> None:
    found, problem = post(api, body)
    assert found == status
    assert message in problem["detail"]


def test_brackets_and_commas_in_text_are_not_counted(api: Api) -> None:
    title = "[" * 100 + "," * 100 + '\\"{'
    assert api.http.post("/v1/meetings", json={"title": title}).json()["title"] == title


def test_the_largest_meeting_is_accepted(api: Api) -> None:
    tracks = [{"name": f"track{index}", "speaker": "\U0001f389" * 100} for index in range(32)]
    wanted = {
        "title": "\U0001f389" * 300,
        "participants": ["\U0001f389" * 100] * 50,
        "agenda": ["\U0001f389" * 120] * 50,
        "vocabulary": ["\U0001f389" * 60] * 100,
        "tracks": tracks,
    }
    answer = api.http.post("/v1/meetings", content=json.dumps(wanted, ensure_ascii=True), headers=JSON)
    assert answer.status_code == 201, answer.text


def test_an_answer_lists_twenty_faults_and_counts_the_rest(api: Api) -> None:
    _, problem = post(api, fields(900))
    assert len(problem["errors"]) == FAULTS_LIMIT == 20
    assert "field19 = 19" in problem["detail"]
    assert "field20" not in problem["detail"]
    assert problem["detail"].endswith("; and 880 more")


def test_a_long_name_of_an_unknown_field_is_cut(api: Api) -> None:
    status, problem = post(api, json.dumps({"x" * 100_000: 1}))
    assert status == 422
    assert len(json.dumps(problem)) < 1000


@pytest.mark.parametrize(
    ("request_arguments", "message"),
    [
        ({"headers": {f"X-{index}": "y" for index in range(101)}}, "headers, the limit is 100"),
        ({"headers": {"X": "y" * (65 << 10)}}, "the limit is 65536"),
        ({"params": {f"p{index}": "1" for index in range(101)}}, "101 parameters, the limit is 100"),
        ({"params": {"cursor": "y" * (8 << 10)}}, "the limit is 8192"),
    ],
)
def test_a_head_that_is_too_large_is_a_431(api: Api, request_arguments: dict[str, Any], message: str) -> None:
    answer = api.http.get("/v1/meetings", **request_arguments)
    assert answer.status_code == 431
    assert answer.json()["type"] == "urn:minutebook:problem:head-too-large"
    assert message in answer.json()["detail"]


def test_a_live_socket_with_too_many_parameters_is_refused(api: Api) -> None:
    query = "&".join(f"p{index}=1" for index in range(101))
    with pytest.raises(InvalidStatus, match="431"), live(api, api.create(), f"?{query}"):
        pass


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/meetings", "application/json"),
        ("/v1/uploads", "multipart/form-data; boundary=x"),
        ("/v1/audio/transcriptions", "multipart/form-data; boundary=x"),
    ],
)
def test_a_body_that_stalls_is_a_408(start: Callable[..., Api], path: str, kind: str) -> None:
    api = start(body_stall_s=0.2)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", api.config.api_port), timeout=LIMIT_S) as client:
        client.sendall(head.encode())
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"MINUTEBOOK_BODY_STALL_S" in answer


def test_a_body_that_arrives_byte_by_byte_is_a_408(start: Callable[..., Api]) -> None:
    api = start(body_stall_s=0.3)
    head = (
        "POST /v1/meetings HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.config.api_port), timeout=0.02) as client:
        client.sendall(f"{head}\r\n".encode())

        def dribble() -> bytes:
            try:
                client.sendall(b" ")
                return client.recv(65536)
            except TimeoutError:
                return b""

        assert wait_until("the server answers", dribble, poll_s=0).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("path", ["/v1/uploads", "/v1/audio/transcriptions", "tus"])
def test_an_upload_ends_when_its_key_is_revoked(
    start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The sender pauses, so only the server can end it."""
    monkeypatch.setattr(key_cache, "CACHE_S", 0.1)
    monkeypatch.setattr(body_limit, "TICK_S", 0.05)
    api = start(auth="on")
    key = create_key(api.database, "test", [Scope.READ, Scope.WRITE])
    allowed = {"Authorization": f"Bearer {key.key}", "Tus-Resumable": "1.0.0"}
    size = 3 * BLOCK_BYTES
    head, body = f"POST {path} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x", FORM
    if path == "tus":
        place = api.http.post("/v1/uploads/tus", headers={**allowed, "Upload-Length": str(size)}).headers["location"]
        head = f"PATCH {place} HTTP/1.1\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream"
        body = b""
    lines = [head, "Host: 127.0.0.1", f"Content-Length: {size}", *(f"{name}: {allowed[name]}" for name in allowed)]
    with socket.create_connection(("127.0.0.1", api.config.api_port), timeout=LIMIT_S) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode() + body + bytes(BLOCK_BYTES + 1))
        wait_until("a block is stored", lambda: stored_bytes(api), lambda stored: stored >= BLOCK_BYTES)
        revoke_key(api.database, key.id)
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"was revoked" in answer


def stored_bytes(api: Api) -> int:
    with api.database.read() as session:
        uploads = session.query(Upload).all()
    return sum(upload.received_bytes for upload in uploads)
