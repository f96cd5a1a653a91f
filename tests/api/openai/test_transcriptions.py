"""Recordings through OpenAI's doors, with OpenAI's client."""

from __future__ import annotations

from pathlib import Path

import httpx
import openai
import pytest
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent
from sqlalchemy import select

from schema.core.states import MeetingState, UploadState
from schema.meetings.tables import Meeting
from schema.uploads.tables import Upload
from tests.api.openai.conftest import SPOKEN_S
from tests.hall import Hall, eventually, spoken
from workers.asr.error_rates import word_error_rate

pytestmark = pytest.mark.model

File = tuple[str, bytes]
WER_LIMIT = 0.08


def assert_right(text: str) -> None:
    assert word_error_rate([(spoken(SPOKEN_S), text)]) <= WER_LIMIT, text


def test_a_recording_is_answered_with_its_text(client: openai.OpenAI, recording: File) -> None:
    heard = client.audio.transcriptions.create(model="whisper-1", file=recording)
    assert_right(heard.text)
    assert heard.usage is not None
    assert heard.usage.type == "duration"
    assert heard.usage.seconds == pytest.approx(SPOKEN_S)


def test_verbose_json_has_segments_and_words_in_order(client: openai.OpenAI, recording: File) -> None:
    heard = client.audio.transcriptions.create(
        model="gpt-4o-transcribe",
        file=recording,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        prompt="Priya, Tom, Leo",
        temperature=0.2,
    )
    assert_right(heard.text)
    assert heard.language == "en"
    assert heard.duration == pytest.approx(SPOKEN_S)
    assert heard.segments is not None
    assert " ".join(segment.text for segment in heard.segments) == heard.text
    assert heard.words is not None
    assert [word.word for word in heard.words] == heard.text.split()
    starts_s = [word.start for word in heard.words]
    assert starts_s == sorted(starts_s)
    assert all(word.start <= word.end <= heard.duration for word in heard.words)
    assert all(-1 < segment.avg_logprob <= 0 for segment in heard.segments)
    coverage = heard.model_extra["coverage"] if heard.model_extra else {}
    assert coverage["transcribed_s"] + coverage["silent_s"] == pytest.approx(coverage["received_s"])


def test_verbose_json_without_a_wish_has_segments_only(client: openai.OpenAI, recording: File) -> None:
    heard = client.audio.transcriptions.create(model="whisper-1", file=recording, response_format="verbose_json")
    assert heard.segments
    assert heard.words is None


@pytest.mark.parametrize(("form", "begins"), [("srt", "1\n00:00:0"), ("vtt", "WEBVTT\n"), ("text", "")])
def test_text_and_subtitles_are_plain(client: openai.OpenAI, recording: File, form: str, begins: str) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="whisper-1",
        file=recording,
        response_format=form,  # type: ignore[call-overload]
    )
    heard = raw.text
    assert heard.startswith(begins)
    said = [line for line in heard.splitlines() if line and "-->" not in line and not line.isdigit()]
    assert_right(" ".join(line for line in said if not line.startswith(("WEBVTT", "NOTE"))))
    assert raw.headers["X-Minutebook-Coverage"].startswith("16.6 s received: ")


def test_a_stream_brings_the_text_as_it_is_committed(client: openai.OpenAI, recording: File) -> None:
    events = list(client.audio.transcriptions.create(model="whisper-1", file=recording, stream=True))
    *deltas, done = events
    assert deltas
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert_right(done.text)
    assert "".join(each.delta for each in deltas if isinstance(each, TranscriptionTextDeltaEvent)) == done.text


def test_fields_behind_the_file_count_too(served: Hall, recording: File) -> None:
    form: dict[str, tuple[str | None, bytes]] = {"file": recording, "response_format": (None, b"text")}
    answer = httpx.post(f"{served.stack.api_url}/v1/audio/transcriptions", files=form, trust_env=False, timeout=120)
    assert answer.headers["content-type"].startswith("text/plain")
    assert_right(answer.text)


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_no_recording_is_the_clients_fault(client: openai.OpenAI, stream: bool) -> None:
    text = ("speech.wav", b"This is no sound at all. " * 100)
    with pytest.raises(openai.BadRequestError) as refused:
        client.audio.transcriptions.create(model="whisper-1", file=text, stream=stream)
    assert refused.value.code == "not_media"
    assert refused.value.param == "file"


def test_nothing_is_left_of_what_was_answered(client: openai.OpenAI, served: Hall, recording: File) -> None:
    client.audio.transcriptions.create(model="whisper-1", file=recording)
    list(client.audio.transcriptions.create(model="whisper-1", file=recording, stream=True))
    assert_nothing_left(served)


def test_a_client_that_leaves_is_not_waited_for(client: openai.OpenAI, served: Hall, recording: File) -> None:
    stream = client.audio.transcriptions.create(model="whisper-1", file=recording, stream=True)
    next(stream)
    stream.close()
    eventually("the recording is gone", lambda: is_empty(served))
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3).audio.transcriptions.create(model="whisper-1", file=recording)
    eventually("the recording is gone", lambda: is_empty(served))
    assert_nothing_left(served)


def is_empty(served: Hall) -> bool:
    with served.database.read() as session:
        states = set(session.scalars(select(Upload.state)))
    return states <= {UploadState.CANCELLED, UploadState.FAILED} and not any(files(served))


def assert_nothing_left(served: Hall) -> None:
    assert is_empty(served)
    with served.database.read() as session:
        left = select(Meeting.id).join(Upload, Upload.meeting_id == Meeting.id).where(Meeting.state != "deleted")
        assert session.scalars(left).all() == []
        assert MeetingState.DELETED in set(session.scalars(select(Meeting.state)))


def files(served: Hall) -> list[Path]:
    return [path for path in (served.stack.data_dir / "files").glob("*") if path.is_file()]
