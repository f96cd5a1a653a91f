"""Audio over HTTP."""

from __future__ import annotations

import io
import json
import socket
import wave
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection

import numpy as np
import pytest
import soundfile

from api.http.middleware.body_limit import WAV_HEADER_BYTES
from tests.api.conftest import Api

SECOND = b"\x01\x00" * 16_000


def wav(rate_hz: int = 16_000, channels: int = 1, bytes_per_sample: int = 2, seconds: float = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setframerate(rate_hz)
        writer.setnchannels(channels)
        writer.setsampwidth(bytes_per_sample)
        writer.writeframes(bytes(round(rate_hz * seconds) * channels * bytes_per_sample))
    return file.getvalue()


def mp3(rate_hz: int = 44_100) -> bytes:
    """Noise as MP3, without the ID3 header that some encoders write."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 0.1, rate_hz)
    soundfile.write(file, noise, rate_hz, format="MP3")
    return file.getvalue()[: 1 << 15]


def adts_frame(frame_bytes: int = 300) -> bytes:
    """An empty AAC frame with the header that encoders write."""
    head = bytes([0xFF, 0xF1, 0x50, 0x80 | frame_bytes >> 11, frame_bytes >> 3 & 0xFF, (frame_bytes & 7) << 5, 0xFC])
    return head + bytes(frame_bytes - len(head))


def test_the_answer_gives_the_end_of_the_received_audio(api: Api) -> None:
    meeting = api.create()
    assert api.send(meeting, 0, SECOND).json() == {"track": "main", "received_sample": 16_000}
    assert api.send(meeting, 16_000, SECOND).json()["received_sample"] == 32_000
    shown = api.http.get(f"/v1/meetings/{meeting}").json()
    assert shown["coverage"]["received_s"] == shown["coverage"]["pending_s"] == 2.0


def test_the_same_audio_ten_times_is_received_once(api: Api) -> None:
    meeting = api.create()
    for _ in range(10):
        assert api.send(meeting, 0, SECOND).json()["received_sample"] == 16_000


def test_received_audio_puts_a_wake_up_into_the_transcribe_queue(api: Api) -> None:
    api.send(api.create(), 0, SECOND)
    message = api.redis.blpop(["transcribe"], timeout=10)
    assert message is not None
    assert b'"minutebook.transcribe"' in message[1]


def test_a_gap_is_refused_with_the_position_expected(api: Api) -> None:
    meeting = api.create()
    api.send(meeting, 0, SECOND)
    answer = api.send(meeting, 20_000, SECOND)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:minutebook:problem:audio-gap"
    assert answer.json()["expected_sample"] == 16_000


def test_the_header_of_a_wav_file_is_not_received_as_audio(api: Api) -> None:
    meeting = api.create()
    assert api.send(meeting, 0, wav()).json()["received_sample"] == 16_000


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF, 0x7FFF_F000, 0xFFFF_FFFF, 0xFFFF_FFDB, 0x0123_4567])
def test_a_wav_stream_without_a_true_size_is_received_to_the_end_of_the_body(api: Api, size: int) -> None:
    body = wav()
    body = body[:40] + size.to_bytes(4, "little") + body[44:]
    assert api.send(api.create(), 0, body).json()["received_sample"] == 16_000


def test_an_rf64_file_is_received(api: Api) -> None:
    sizes = b"ds64" + (28).to_bytes(4, "little") + bytes(8) + (32_000).to_bytes(8, "little") + bytes(12)
    body = wav()
    long = b"RF64\xff\xff\xff\xffWAVE" + sizes + body[12:40] + b"\xff" * 4 + body[44:] + b"LIST\x02\0\0\0ab"
    assert api.send(api.create(), 0, long).json()["received_sample"] == 16_000


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (wav(rate_hz=44_100), "44100 Hz"),
        (wav(channels=2), "2 channels"),
        (wav(bytes_per_sample=1), "8 bits"),
        (wav()[:-100], "ends early"),
        (wav()[:36], "no data chunk"),
        (b"fLaC" + bytes(100), "a FLAC file"),
        (b"ID3\x04" + bytes(100), "an MP3 file"),
        (b"\0\0\0\x20ftypM4A " + bytes(100), "an MP4 file"),
        (b"OggS" + bytes(100), "an Ogg file"),
        (b"RIFX" + wav()[4:], "a big-endian WAV file"),
        (mp3(), "an MP3 file"),
        (adts_frame() * 2, "an AAC file"),
        (b'{"audio": "' + b"AAAA" * 100 + b'"}\n', "text or a form"),
        (SECOND[:-1], "31999 bytes"),
        (b"", "no audio"),
    ],
)
def test_audio_in_another_format_is_refused_and_the_format_named(api: Api, body: bytes, named: str) -> None:
    meeting = api.create()
    answer = api.send(meeting, 0, body)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:minutebook:problem:invalid-audio"
    assert named in answer.json()["detail"]


def test_a_form_with_a_file_is_refused(api: Api) -> None:
    answer = api.http.post(f"/v1/meetings/{api.create()}/audio?first_sample=0", files={"file": ("a.wav", wav())})
    assert answer.status_code == 422
    assert "text or a form" in answer.json()["detail"]


def test_audio_that_starts_like_a_file_is_received_after_the_first_piece(api: Api) -> None:
    meeting = api.create()
    api.send(meeting, 0, SECOND)
    for number, second in enumerate((b"fLaC" + SECOND[4:], b"loud" * 8000, mp3().ljust(32_000, b"\0")), 1):
        assert api.send(meeting, number * 16_000, second).json()["received_sample"] == (number + 1) * 16_000


def test_a_body_over_the_limit_is_refused_with_its_size(api: Api) -> None:
    meeting = api.create()
    answer = api.send(meeting, 0, bytes(20_000_000))
    assert answer.status_code == 413
    assert "20000000 bytes" in answer.json()["detail"]
    assert answer.json()["type"] == "urn:minutebook:problem:too-large"


def test_a_chunked_body_over_the_limit_is_refused(api: Api) -> None:
    meeting = api.create()
    url = f"/v1/meetings/{meeting}/audio?first_sample=0"
    answer = api.http.post(url, content=(bytes(1 << 16) for _ in range(40)))
    assert answer.status_code == 413


def test_a_client_that_sends_a_whole_body_over_the_limit_gets_the_same_answer_with_and_without_its_length(
    api: Api,
) -> None:
    url = f"/v1/meetings/{api.create()}/audio?first_sample=0"
    answers = []
    for header in ({"Content-Length": str(16 << 20)}, {"Transfer-Encoding": "chunked"}):
        with closing(HTTPConnection("127.0.0.1", api.config.api_port, timeout=60)) as connection:
            body = (bytes(1 << 16) for _ in range(256))
            connection.request("POST", url, body, header, encode_chunked="Transfer-Encoding" in header)
            answer = connection.getresponse()
            answers.append((answer.status, answer.headers["Connection"], json.load(answer)))
    (*declared, problem), (*counted, same) = answers
    assert declared == counted == [413, "close"]
    assert problem["limit_bytes"] == api.config.frame_limit_bytes + WAV_HEADER_BYTES
    assert f"{16 << 20} bytes" in problem.pop("detail")
    assert f"more than {problem['limit_bytes']} bytes" in same.pop("detail")
    assert problem == same


def test_a_client_that_keeps_sending_after_the_answer_is_disconnected(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.middleware.lingering_close.LINGER_BYTES", 1 << 20)
    head = f"POST /v1/meetings/{api.create()}/audio?first_sample=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    with socket.create_connection(("127.0.0.1", api.config.api_port), timeout=60) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        with pytest.raises(ConnectionError):
            connection.sendall(chunk * 640)


@pytest.mark.parametrize("first_sample", ["-1", "9999999999999", "here"])
def test_a_position_outside_a_meeting_is_refused(api: Api, first_sample: str) -> None:
    answer = api.http.post(f"/v1/meetings/{api.create()}/audio?first_sample={first_sample}", content=SECOND)
    assert answer.status_code == 422
    assert "query.first_sample" in answer.json()["detail"]
    assert first_sample in answer.json()["detail"]


def test_a_full_mailbox_is_a_429_with_the_wait_and_the_position_received(start: Callable[..., Api]) -> None:
    api = start(backlog_limit_s=40)
    meeting = api.create()
    api.send(meeting, 0, SECOND * 20)
    api.send(meeting, 320_000, SECOND * 20)
    answer = api.send(meeting, 640_000, SECOND)
    assert answer.status_code == 429
    assert answer.json()["type"] == "urn:minutebook:problem:backlogged"
    assert answer.json()["retryable"] is True
    assert answer.json()["received_sample"] == 640_000
    assert int(answer.headers["retry-after"]) >= 1


def test_audio_after_finish_is_refused_and_nothing_before_it_is_lost(api: Api) -> None:
    meeting = api.create()
    api.send(meeting, 0, SECOND)
    finished = api.http.post(f"/v1/meetings/{meeting}/finish")
    assert finished.json()["state"] == "draining"
    answer = api.send(meeting, 16_000, SECOND)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:minutebook:problem:track-closed"
    assert api.http.get(f"/v1/meetings/{meeting}").json()["tracks"][0]["received_sample"] == 16_000
