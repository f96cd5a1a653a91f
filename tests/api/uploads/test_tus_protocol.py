"""The headers of the tus protocol: what they may say, and how they are refused."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select

from schema.meetings.tables import Meeting
from tests.api.conftest import Api
from tests.api.uploads.test_tus import DATA, PATH, PIECE, V1, create, metadata, patch, upload_of


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"Upload-Length": "10"}, 412, "Tus-Resumable: 1.0.0"),
        ({"Tus-Resumable": "0.2.2", "Upload-Length": "10"}, 412, "0.2.2"),
        (V1, 422, "Upload-Length"),
        ({**V1, "Upload-Length": "0"}, 422, "upload-length"),
        ({**V1, "Upload-Length": str(1 << 50)}, 413, "the limit is"),
        ({**V1, "Upload-Length": "10", "Upload-Metadata": "title !!"}, 422, "not base64"),
        ({**V1, "Upload-Length": "10", "Upload-Metadata": metadata(language="Klingon")}, 422, "language = 'Klingon'"),
        ({**V1, "Upload-Length": "10", "Upload-Metadata": metadata(streams="one")}, 422, "streams = 'one'"),
        ({**V1, "Upload-Length": "10", "Upload-Metadata": metadata(sha256="beef")}, 422, "64 hexadecimal digits"),
        ({**V1, "Upload-Length": "10", "Upload-Metadata": "title YQ==,title Yg=="}, 422, "'title' twice"),
        ({**V1, "Upload-Length": "10", "Upload-Metadata": metadata(x="x" * 30_000)}, 422, "the limit is 32768"),
        ({**V1, "Upload-Length": "10", "Upload-Concat": "partial"}, 422, "parallelUploads: 1"),
        ({**V1, "Upload-Concat": "final;/v1/uploads/tus/a /v1/uploads/tus/b"}, 422, "send the file as one upload"),
    ],
)
def test_an_invalid_creation_is_refused(api: Api, headers: dict[str, str], status: int, message: str) -> None:
    answer = api.http.post(PATH, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert message.lower() in answer.json()["detail"].lower()


def test_metadata_that_only_the_client_knows_is_ignored(api: Api) -> None:
    """The first two lines are what Uppy sends by default. The last value is no UTF-8."""
    sent = ",".join(
        [
            metadata(relativePath="null", name="talk.wav", type="audio/wav", filename="talk.wav", filetype="audio/wav"),
            metadata(contentType="audio/wav", title="Launch"),
            "is_confidential,empty ,language ,vocabulary,thumbnail /9j/",
        ]
    )
    answer = api.http.post(PATH, headers={**V1, "Upload-Length": "10", "Upload-Metadata": sent})
    assert answer.status_code == 201, answer.text
    upload = upload_of(api, answer.headers["location"])
    assert upload["name"] == "talk.wav"
    meeting = api.http.get(f"/v1/meetings/{upload['meeting_id']}").json()
    assert (meeting["title"], meeting["language"]) == ("Launch", "en")


def test_head_returns_the_metadata_as_it_was_sent(api: Api) -> None:
    sent = f"{metadata(filename='talk.wav', relativePath='null')},is_confidential"
    headers = {**V1, "Upload-Length": str(len(DATA)), "Upload-Metadata": sent}
    place = api.http.post(PATH, headers=headers).headers["location"]
    for data in (b"", DATA):
        patch(api, place, 0, data)
        assert api.http.head(place, headers=V1).headers["upload-metadata"] == sent
    plain = api.http.post(PATH, headers={**V1, "Upload-Length": "10"}).headers["location"]
    assert "upload-metadata" not in api.http.head(plain, headers=V1).headers


def test_the_metadata_is_deleted_with_the_meeting(api: Api) -> None:
    place = create(api, title="Secret")
    api.http.delete(f"/v1/meetings/{upload_of(api, place)['meeting_id']}")
    with api.database.read() as session:
        assert session.scalars(select(Meeting.tus_metadata)).all() == [None]


@pytest.mark.parametrize(
    ("flag", "taken"), [("again", True), ("again MQ==", True), ("again MA==", False), ("x", False)]
)
def test_the_flag_again_needs_no_value(api: Api, flag: str, taken: bool) -> None:
    sha256 = hashlib.sha256(DATA).hexdigest()
    first = create(api, sha256=sha256)
    headers = {**V1, "Upload-Length": str(len(DATA)), "Upload-Metadata": f"{metadata(sha256=sha256)},{flag}"}
    assert (api.http.post(PATH, headers=headers).headers["location"] != first) == taken


def test_invalid_pieces_and_unknown_uploads_are_refused(api: Api) -> None:
    place = create(api)
    for kind in ("text/plain", "application/octet-stream", ""):
        assert patch(api, place, 0, b"x", **{"Content-Type": kind}).status_code == 415
    assert patch(api, place, 0, b"x", **{"Content-Type": f"{PIECE['Content-Type']}; v=1"}).status_code == 204
    assert patch(api, f"{PATH}/nothing", 0, b"x").status_code == 404
    for checksum in ("crc32 AAAA", "sha1 !!"):
        assert patch(api, place, 1, b"x", **{"Upload-Checksum": checksum}).status_code == 422


def test_letters_beyond_ascii_are_no_base64(api: Api) -> None:
    wrong = "title Größe".encode()
    creation = {b"Tus-Resumable": b"1.0.0", b"Upload-Length": b"10"}
    assert api.http.post(PATH, headers={**creation, b"Upload-Metadata": wrong}).status_code == 422
    piece = {b"Tus-Resumable": b"1.0.0", b"Upload-Offset": b"0", b"Content-Type": b"application/offset+octet-stream"}
    checked = {**piece, b"Upload-Checksum": wrong.replace(b"title", b"sha1")}
    assert api.http.patch(create(api), headers=checked, content=b"x").status_code == 422
