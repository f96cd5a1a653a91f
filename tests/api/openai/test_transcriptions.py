"""Transcription of recordings through OpenAI's routes with OpenAI's client."""

from __future__ import annotations

import base64

import httpx
import openai
import pytest
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent
from sqlalchemy import select

from schema.core.states import MeetingState, UploadState
from schema.kept_audio.tables import AudioPiece
from schema.meetings.tables import Meeting
from schema.uploads.tables import Upload
from tests.api.openai.conftest import SPOKEN_S
from tests.running_stack import RunningStack, reference_text
from tests.waiting import wait_until
from workers.asr.error_rates import word_error_rate

pytestmark = pytest.mark.model

NamedBytes = tuple[str, bytes]
WER_LIMIT = 0.08


def assert_few_errors(text: str) -> None:
    assert word_error_rate([(reference_text(SPOKEN_S), text)]) <= WER_LIMIT, text


def test_the_answer_is_the_text_and_duration_of_the_recording(client: openai.OpenAI, recording: NamedBytes) -> None:
    heard = client.audio.transcriptions.create(model="whisper-1", file=recording)
    assert_few_errors(heard.text)
    assert heard.usage is not None
    assert heard.usage.type == "duration"
    assert heard.usage.seconds == pytest.approx(SPOKEN_S)


def test_verbose_json_has_segments_and_words_in_order(client: openai.OpenAI, recording: NamedBytes) -> None:
    heard = client.audio.transcriptions.create(
        model="gpt-4o-transcribe",
        file=recording,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        prompt="Priya, Tom, Leo",
        temperature=0.2,
    )
    assert_few_errors(heard.text)
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


def test_verbose_json_has_only_segments_by_default(client: openai.OpenAI, recording: NamedBytes) -> None:
    heard = client.audio.transcriptions.create(model="whisper-1", file=recording, response_format="verbose_json")
    assert heard.segments
    assert heard.words is None


@pytest.mark.parametrize(("form", "begins"), [("srt", "1\n00:00:0"), ("vtt", "WEBVTT\n"), ("text", "")])
def test_text_and_subtitle_formats_carry_the_whole_text(
    client: openai.OpenAI, recording: NamedBytes, form: str, begins: str
) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="whisper-1",
        file=recording,
        response_format=form,  # type: ignore[call-overload]
    )
    heard = raw.text
    assert heard.startswith(begins)
    said = [line for line in heard.splitlines() if line and "-->" not in line and not line.isdigit()]
    assert_few_errors(" ".join(line for line in said if not line.startswith(("WEBVTT", "NOTE"))))
    assert raw.headers["X-Minutebook-Coverage"].startswith("16.6 s received: ")


def test_the_deltas_of_a_stream_join_to_the_text(client: openai.OpenAI, recording: NamedBytes) -> None:
    events = list(client.audio.transcriptions.create(model="whisper-1", file=recording, stream=True))
    *deltas, done = events
    assert deltas
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert_few_errors(done.text)
    assert "".join(each.delta for each in deltas if isinstance(each, TranscriptionTextDeltaEvent)) == done.text


def test_a_recording_may_come_as_base64_in_json(running: RunningStack, recording: NamedBytes) -> None:
    body: dict[str, object] = {
        "model": "whisper-1",
        "input_audio": {"data": base64.b64encode(recording[1]).decode(), "format": "wav"},
        "language": None,
        "temperature": 0,
        "timestamp_granularities": ["word"],
        "response_format": "verbose_json",
        "provider": {"options": {}},
    }
    answer = httpx.post(f"{running.stack.api_url}/v1/audio/transcriptions", json=body, trust_env=False, timeout=120)
    assert_few_errors(answer.json()["text"])
    assert answer.json()["words"]


def test_included_logprobs_cover_every_word(client: openai.OpenAI, recording: NamedBytes) -> None:
    heard = client.audio.transcriptions.create(
        model="gpt-4o-transcribe", file=recording, include=["logprobs"], chunking_strategy="auto"
    )
    assert heard.logprobs is not None
    assert "".join(each.token or "" for each in heard.logprobs).split() == heard.text.split()
    assert all((each.logprob or 0) <= 0 for each in heard.logprobs)


def test_form_fields_after_the_file_are_read(running: RunningStack, recording: NamedBytes) -> None:
    form: dict[str, tuple[str | None, bytes]] = {"file": recording, "response_format": (None, b"text")}
    answer = httpx.post(f"{running.stack.api_url}/v1/audio/transcriptions", files=form, trust_env=False, timeout=120)
    assert answer.headers["content-type"].startswith("text/plain")
    assert_few_errors(answer.text)


@pytest.mark.parametrize("stream", [False, True])
def test_a_file_that_is_not_audio_is_a_400(client: openai.OpenAI, stream: bool) -> None:
    text = ("speech.wav", b"This is not audio at all. " * 100)
    with pytest.raises(openai.BadRequestError) as refused:
        client.audio.transcriptions.create(model="whisper-1", file=text, stream=stream)
    assert refused.value.code == "not_media"
    assert refused.value.param == "file"


def test_nothing_is_kept_of_an_answered_request(
    client: openai.OpenAI, running: RunningStack, recording: NamedBytes
) -> None:
    client.audio.transcriptions.create(model="whisper-1", file=recording)
    list(client.audio.transcriptions.create(model="whisper-1", file=recording, stream=True))
    assert_nothing_left(running)


def test_nothing_is_kept_when_the_client_disconnects(
    client: openai.OpenAI, running: RunningStack, recording: NamedBytes
) -> None:
    stream = client.audio.transcriptions.create(model="whisper-1", file=recording, stream=True)
    next(stream)
    stream.close()
    wait_until("the recording is gone", lambda: kept(running), lambda found: found == ([], []))
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3).audio.transcriptions.create(model="whisper-1", file=recording)
    wait_until("the recording is gone", lambda: kept(running), lambda found: found == ([], []))
    assert_nothing_left(running)


def kept(running: RunningStack) -> tuple[list[str], list[str]]:
    """States of the uploads that are neither cancelled nor failed, and names of the files in storage.

    The audio of live meetings, which other tests leave, does not count.
    """
    with running.database.read() as session:
        ended = (UploadState.CANCELLED, UploadState.FAILED)
        states = session.scalars(select(Upload.state).where(Upload.state.not_in(ended))).all()
        uploaded = select(Upload.meeting_id)
        live = session.scalars(select(AudioPiece.file_id).where(AudioPiece.meeting_id.not_in(uploaded))).all()
    files = {path.name for path in (running.stack.data_dir / "files").glob("*") if path.is_file()}
    return list(states), sorted(files.difference(live))


def assert_nothing_left(running: RunningStack) -> None:
    assert kept(running) == ([], [])
    with running.database.read() as session:
        left = select(Meeting.id).join(Upload, Upload.meeting_id == Meeting.id).where(Meeting.state != "deleted")
        assert session.scalars(left).all() == []
        assert MeetingState.DELETED in set(session.scalars(select(Meeting.state)))
