"""The kept audio of a meeting is one file: the right samples at the right places, in any parts."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import soundfile

from api.auth.keys import create_key
from api.kept_audio.mix import wav_header
from schema.core.states import Scope
from schema.core.units import samples_of_s
from schema.core.wav import read_wav_header
from tests.api.conftest import Api
from tests.api.kept_audio.stored import keep
from tests.workers.conftest import sample_meeting
from training.data.audio import Samples

HEADER_BYTES = 44


@pytest.fixture(scope="module")
def speech() -> Samples:
    return sample_meeting(0, 30)


def listen(api: Api, meeting_id: str, track: str | None = None) -> Samples:
    answer = api.http.get(f"/v1/meetings/{meeting_id}/audio", params={"track": track} if track else {})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "audio/wav"
    assert int(answer.headers["content-length"]) == len(answer.content)
    samples, rate_hz = soundfile.read(io.BytesIO(answer.content), dtype="int16")
    assert rate_hz == 16_000
    return np.asarray(samples)


def test_pieces_become_one_file_with_silence_between_them(api: Api, speech: Samples) -> None:
    meeting_id = api.create(title="Heard")
    first, second = speech[: samples_of_s(12)], speech[samples_of_s(12) :]
    keep(api, meeting_id, 0, first)
    keep(api, meeting_id, 40, second)
    heard = listen(api, meeting_id)
    assert len(heard) == samples_of_s(40) + len(second)
    assert (heard[: len(first)] == first).all()
    assert not heard[len(first) : samples_of_s(40)].any()
    assert (heard[samples_of_s(40) :] == second).all()
    assert api.http.get(f"/v1/meetings/{meeting_id}").json()["audio_s"] == 58.0


def test_tracks_are_mixed_without_wrapping_round_and_can_be_heard_alone(api: Api, speech: Samples) -> None:
    meeting_id = api.create(tracks=[{"name": "room"}, {"name": "far"}])
    loud = np.full(samples_of_s(5), 30_000, np.int16)
    keep(api, meeting_id, 0, speech, "room")
    keep(api, meeting_id, 1, loud, "far")
    both = listen(api, meeting_id)
    assert (listen(api, meeting_id, "room") == speech).all()
    assert len(listen(api, meeting_id, "far")) == samples_of_s(6)
    expected = speech.astype(np.int32)
    expected[samples_of_s(1) : samples_of_s(6)] += 30_000
    assert (both == np.clip(expected, -32_768, 32_767)).all()
    assert api.http.get(f"/v1/meetings/{meeting_id}/audio?track=nobody").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "first", "end"),
    [
        ("bytes=0-", 0, None),
        ("bytes=0-9", 0, 10),
        ("bytes=43-44", 43, 45),
        ("bytes=45-400000", 45, 400_001),
        ("bytes=900001-", 900_001, None),
        ("bytes=-5", -5, None),
        ("bytes=100-99999999", 100, None),
    ],
)
def test_any_part_is_the_same_part_of_the_whole_file(
    api: Api, speech: Samples, wanted: str, first: int, end: int | None
) -> None:
    meeting_id = api.create()
    keep(api, meeting_id, 0, speech)
    path = f"/v1/meetings/{meeting_id}/audio"
    whole = api.http.get(path)
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["cache-control"] == "private, no-store"
    part = api.http.get(path, headers={"Range": wanted, "If-Range": whole.headers["etag"]})
    assert part.status_code == 206
    assert part.content == whole.content[first:end]
    size = len(whole.content)
    at = first % size
    assert part.headers["content-range"] == f"bytes {at}-{at + len(part.content) - 1}/{size}"


def test_parts_that_are_not_there_or_of_an_older_file(api: Api, speech: Samples) -> None:
    meeting_id = api.create()
    keep(api, meeting_id, 0, speech)
    path = f"/v1/meetings/{meeting_id}/audio"
    size = HEADER_BYTES + 2 * len(speech)
    beyond = api.http.get(path, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert api.http.get(path, headers={"Range": "bytes=5-1"}).status_code == 416
    older = api.http.get(path, headers={"Range": "bytes=0-9", "If-Range": '"1"'})
    assert (older.status_code, len(older.content)) == (200, size)
    for unsupported in ("bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=a-b"):
        assert api.http.get(path, headers={"Range": unsupported}).status_code == 200


def test_a_file_that_is_gone_or_damaged_is_silent(api: Api, speech: Samples) -> None:
    meeting_id = api.create()
    gone = keep(api, meeting_id, 0, speech)
    damaged = keep(api, meeting_id, 30, speech)
    keep(api, meeting_id, 60, speech)
    api.stores.files.delete(gone)
    api.stores.files.delete(damaged)
    api.stores.files.append(damaged, 0, b"not a FLAC file")
    api.stores.files.commit(damaged, 15)
    heard = listen(api, meeting_id)
    assert not heard[: samples_of_s(60)].any()
    assert (heard[samples_of_s(60) :] == speech).all()


def test_a_meeting_without_kept_audio_says_why(start: Callable[..., Api]) -> None:
    api = start(audio_retention="off")
    meeting_id = api.create()
    answer = api.http.get(f"/v1/meetings/{meeting_id}/audio")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:minutebook:problem:audio-not-kept")
    assert api.http.get(f"/v1/meetings/{meeting_id}").json()["audio_s"] is None
    assert api.http.get("/v1/session").json()["audio_retention"] == "off"


def test_a_deleted_meeting_is_not_heard(api: Api, speech: Samples) -> None:
    meeting_id = api.create()
    keep(api, meeting_id, 0, speech)
    api.http.delete(f"/v1/meetings/{meeting_id}")
    assert api.http.get(f"/v1/meetings/{meeting_id}/audio").status_code == 410


def test_only_those_who_may_read_a_meeting_hear_it(start: Callable[..., Api], speech: Samples) -> None:
    api = start(auth="on")
    headers = [
        {"Authorization": f"Bearer {create_key(api.database, name, scopes).key}"}
        for name, scopes in (("a", [Scope.READ, Scope.WRITE]), ("b", [Scope.READ]), ("c", [Scope.WRITE]))
    ]
    meeting_id = api.http.post("/v1/meetings", json={}, headers=headers[0]).json()["id"]
    keep(api, meeting_id, 0, speech)
    path = f"/v1/meetings/{meeting_id}/audio"
    assert [api.http.get(path, headers=each).status_code for each in [*headers, {}]] == [200, 404, 403, 401]


def test_a_file_of_two_days_has_a_header_that_players_and_we_understand() -> None:
    two_days = 48 * 3600 * 32_000
    header = wav_header(two_days)
    file = io.BytesIO(header[12:])
    assert header[:4] == b"RF64"
    assert read_wav_header(file) == two_days
    assert file.read() == b""
    short = wav_header(32_000)
    assert len(short) == HEADER_BYTES
    assert read_wav_header(io.BytesIO(short[12:])) == 32_000
