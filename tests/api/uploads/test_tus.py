"""Resumable uploads by the tus protocol."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from api.auth.keys import create_key
from api.uploads.receiver import BLOCK_BYTES
from api.uploads.tus import CHECKED_LIMIT_BYTES
from schema.core.states import Scope, UploadState
from schema.core.storage import open_files
from schema.core.tables import now
from schema.uploads.tables import Upload
from tests.api.conftest import Api
from tests.servers import fresh_postgres, set_zone
from tests.waiting import wait_until

PATH = "/v1/uploads/tus"
V1 = {"Tus-Resumable": "1.0.0"}
PIECE = {**V1, "Content-Type": "application/offset+octet-stream"}
DATA = os.urandom(300_000)


def metadata(**fields: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in fields.items())


def create(api: Api, size: int = len(DATA), **fields: str) -> str:
    headers = {**V1, "Upload-Length": str(size), "Upload-Metadata": metadata(filename="talk.wav", **fields)}
    answer = api.http.post(PATH, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def patch(api: Api, place: str, at: int, data: bytes, **headers: str) -> httpx.Response:
    return api.http.patch(place, headers={**PIECE, "Upload-Offset": str(at), **headers}, content=data)


def offset(api: Api, place: str) -> int:
    answer = api.http.head(place, headers=V1)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def upload_of(api: Api, place: str) -> dict[str, object]:
    shown: dict[str, object] = api.http.get(place.replace("/tus", "")).json()
    return shown


def stored(api: Api) -> dict[str, bytes]:
    folder = Path(api.config.storage_url)
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_options_names_version_limit_and_extensions(api: Api) -> None:
    answer = api.http.options(PATH)
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-max-size"] == str(api.config.upload_limit_bytes)
    assert "sha1" in answer.headers["tus-checksum-algorithm"].split(",")
    assert {"creation", "expiration", "termination", "checksum"} <= set(answer.headers["tus-extension"].split(","))


def test_a_file_sent_in_pieces_is_stored_and_queued(api: Api) -> None:
    place = create(api, language="en", title="Launch")
    at = 0
    for size in (100_000, 1, 150_000, 49_999):
        answer = patch(api, place, at, DATA[at : at + size])
        assert answer.status_code == 204
        at += size
        assert answer.headers["upload-offset"] == str(at)
        assert answer.headers["tus-resumable"] == "1.0.0"
        assert offset(api, place) == at
    upload = upload_of(api, place)
    assert (upload["state"], upload["name"]) == ("queued", "talk.wav")
    assert upload["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert list(stored(api).values()) == [DATA]
    assert api.http.get(f"/v1/meetings/{upload['meeting_id']}").json()["title"] == "Launch"


def test_a_file_may_be_sent_with_its_creation(api: Api) -> None:
    headers = {**PIECE, "Upload-Length": str(len(DATA))}
    answer = api.http.post(PATH, headers=headers, content=DATA)
    assert answer.status_code == 201
    assert answer.headers["upload-offset"] == str(len(DATA))
    assert upload_of(api, answer.headers["location"])["state"] == "queued"


def test_addresses_with_a_slash_at_the_end_are_served_without_a_redirect(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    assert api.http.options(f"{PATH}/").status_code == 204
    assert api.http.post(f"{PATH}/", headers=V1).status_code == 401
    key = create_key(api.database, "me", [Scope.READ, Scope.WRITE]).key
    api.http.headers["Authorization"] = f"Bearer {key}"
    answer = api.http.post(f"{PATH}/", headers={**PIECE, "Upload-Length": str(len(DATA))}, content=DATA[:1000])
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "1000")
    place = answer.headers["location"]
    assert not place.endswith("/")
    assert offset(api, f"{place}/") == 1000
    assert patch(api, f"{place}/", 1000, DATA[1000:]).status_code == 204
    assert list(stored(api).values()) == [DATA]
    assert api.http.delete(f"{place}/", headers=V1).status_code == 204


def test_an_upload_resumes_where_a_broken_connection_stopped(api: Api) -> None:
    data = os.urandom(2 * BLOCK_BYTES)
    place = create(api, len(data))
    sent = BLOCK_BYTES + 1000
    head = (
        f"PATCH {place} HTTP/1.1\r\nHost: 127.0.0.1\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.config.api_port), timeout=20) as connection:
        connection.sendall(head.encode() + data[:sent])
        wait_until("a block is stored", lambda: offset(api, place), lambda stored_bytes: stored_bytes >= BLOCK_BYTES)
    wait_until("all that was sent is stored", lambda: offset(api, place), lambda stored_bytes: stored_bytes == sent)
    assert patch(api, place, sent, data[sent:]).status_code == 204
    assert list(stored(api).values()) == [data]


def test_a_piece_at_a_wrong_offset_changes_nothing_and_is_answered_with_the_right_one(api: Api) -> None:
    place = create(api)
    patch(api, place, 0, DATA[:1000])
    for at in (0, 999, 1001):
        answer = patch(api, place, at, b"other")
        assert answer.status_code == 409
        assert answer.headers["tus-resumable"] == "1.0.0"
        assert answer.json()["expected_offset"] == 1000
    assert offset(api, place) == 1000
    patch(api, place, 1000, DATA[1000:])
    assert list(stored(api).values()) == [DATA]
    assert patch(api, place, 1000, DATA[1000:]).status_code == 409


def test_a_piece_that_stalls_is_a_408_and_what_arrived_is_kept(start: Callable[..., Api]) -> None:
    api = start(body_stall_s=0.2)
    place = create(api)
    head = (
        f"PATCH {place} HTTP/1.1\r\nHost: 127.0.0.1\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(DATA)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.config.api_port), timeout=20) as connection:
        connection.sendall(head.encode() + DATA[:1000])
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")
    assert offset(api, place) == 1000


def test_more_bytes_than_announced_are_refused(api: Api) -> None:
    place = create(api, 10)
    answer = patch(api, place, 0, bytes(11))
    assert answer.status_code == 413
    assert "began with Upload-Length 10, but this piece reaches byte 11 or more" in answer.json()["detail"]
    assert offset(api, place) == 0


def test_a_piece_with_a_checksum_that_is_too_large_is_refused_with_the_remedy(api: Api) -> None:
    place = create(api, 2 * CHECKED_LIMIT_BYTES)
    checksum = "sha1 " + base64.b64encode(bytes(20)).decode()
    answer = patch(api, place, 0, bytes(CHECKED_LIMIT_BYTES + 1), **{"Upload-Checksum": checksum})
    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("a piece with Upload-Checksum has more than 16777216 bytes; send smaller")
    assert offset(api, place) == 0


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_piece_with_a_wrong_checksum_is_not_stored(api: Api, algorithm: str) -> None:
    place = create(api)
    digest = base64.b64encode(hashlib.new(algorithm, DATA).digest()).decode()
    header = {"Upload-Checksum": f"{algorithm} {digest}"}
    damaged = DATA[:-1] + bytes([DATA[-1] ^ 0xFF])
    answer = patch(api, place, 0, damaged, **header)
    assert answer.status_code == 460
    assert answer.json()["type"] == "urn:minutebook:problem:checksum-mismatch"
    assert offset(api, place) == 0
    assert patch(api, place, 0, DATA, **header).status_code == 204
    assert list(stored(api).values()) == [DATA]


def test_a_file_with_a_wrong_checksum_fails_and_is_deleted(api: Api) -> None:
    place = create(api, sha256="0" * 64)
    answer = patch(api, place, 0, DATA)
    assert answer.status_code == 460
    upload = upload_of(api, place)
    assert (upload["state"], upload["reason"]) == ("failed", "checksum")
    assert stored(api) == {}


def test_a_known_file_need_not_be_sent_again(api: Api) -> None:
    sha256 = hashlib.sha256(DATA).hexdigest()
    first = create(api, sha256=sha256)
    patch(api, first, 0, DATA[:1000])
    assert create(api, sha256=sha256) == first  # a client that starts again resumes
    patch(api, first, 1000, DATA[1000:])
    second = create(api, sha256=sha256)
    assert second == first
    assert offset(api, second) == len(DATA)
    assert create(api, sha256=sha256, again="1") != first
    third = create(api)  # without a checksum the file is sent, and recognised afterwards
    assert patch(api, third, 0, DATA).status_code == 204
    assert upload_of(api, third)["duplicate_of"] == first.rpartition("/")[2]
    assert offset(api, third) == len(DATA)


def test_an_expired_upload_is_a_410(api: Api) -> None:
    place = create(api)
    expires = parsedate_to_datetime(api.http.head(place, headers=V1).headers["upload-expires"])
    assert expires > now()
    with api.database.write() as session:
        session.execute(update(Upload).values(state=UploadState.CANCELLED, reason="expired", detail="too late"))
    assert api.http.head(place, headers=V1).status_code == 410
    answer = patch(api, place, 0, DATA)
    assert answer.status_code == 410
    assert "too late" in answer.json()["detail"]


def test_every_piece_postpones_the_expiry(api: Api) -> None:
    place = create(api)
    with api.database.write() as session:
        session.execute(update(Upload).values(expires_at=now() + timedelta(seconds=5)))
    patch(api, place, 0, DATA[:10])
    with api.database.read() as session:
        expires_at = session.scalars(select(Upload.expires_at)).one()
    assert expires_at is not None
    assert expires_at > now() + timedelta(hours=1)


@pytest.mark.parametrize("zone", ["Etc/UTC", "Europe/Berlin", "America/St_Johns"])
def test_a_file_is_received_whatever_the_zone_of_postgresql(
    start: Callable[..., Api], request: pytest.FixtureRequest, zone: str
) -> None:
    url = fresh_postgres(request.getfixturevalue("postgres_url"), "tus_zones")
    set_zone(url, zone)
    api = start(database_url=url)
    place = create(api)
    assert patch(api, place, 0, DATA[:1000]).status_code == 204
    expires = api.http.head(place, headers=V1).headers["upload-expires"]
    assert now() < parsedate_to_datetime(expires) <= now() + timedelta(seconds=api.config.upload_expires_s)
    assert patch(api, place, 1000, DATA[1000:]).status_code == 204
    upload = upload_of(api, place)
    assert upload["state"] == "queued"
    assert str(upload["created_at"]).endswith("Z")


def test_a_terminated_upload_leaves_nothing(api: Api) -> None:
    place = create(api)
    patch(api, place, 0, DATA[:1000])
    assert api.http.delete(place, headers=V1).status_code == 204
    assert stored(api) == {}
    assert api.http.head(place, headers=V1).status_code == 410
    override = {**V1, "X-HTTP-Method-Override": "DELETE"}
    assert api.http.post(create(api), headers=override).status_code == 204


def test_an_upload_whose_server_died_after_the_last_byte_is_completed_by_a_head_request(api: Api) -> None:
    place = create(api)
    patch(api, place, 0, DATA[:-1])
    upload_id = place.rpartition("/")[2]
    open_files(api.config.storage_url).append(upload_id, len(DATA) - 1, DATA[-1:])
    with api.database.write() as session:
        session.execute(update(Upload).values(received_bytes=len(DATA)))
    assert offset(api, place) == len(DATA)
    assert upload_of(api, place)["state"] == "queued"


def test_an_upload_is_not_found_by_another_key(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    places = []
    for name in "ab":
        key = create_key(api.database, name, [Scope.READ, Scope.WRITE]).key
        headers = {**V1, "Authorization": f"Bearer {key}"}
        answer = api.http.post(PATH, headers={**headers, "Upload-Length": "10"})
        places.append((answer.headers["location"], headers))
    assert api.http.head(places[0][0], headers=places[0][1]).status_code == 200
    assert api.http.head(places[0][0], headers=places[1][1]).status_code == 404
    assert api.http.head(places[0][0], headers=V1).status_code == 401
