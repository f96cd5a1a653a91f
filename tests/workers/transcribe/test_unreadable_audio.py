"""Audio that the model cannot read, or passes over: nobody else waits for it, and only what was tried has failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from schema.core import queues
from schema.core.states import MeetingState
from schema.core.units import samples_of_s
from schema.meetings.tables import Meeting
from tests.workers.spoken import SPEECH_S, SPOKEN, assert_all_there, errors_in
from tests.workers.studio import Audio, Booked, Studio
from workers.asr.engine import USUAL, Engine, Fallback
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.streaming.guard import transcribe_guarded
from workers.asr.streaming.policy import align_att
from workers.asr.streaming.stream import StreamSettings, plan, settle
from workers.asr.streaming.track import StreamState, TrackView
from workers.asr.streaming.vad import VadSettings


class Brittle(Engine):
    """The real engine, but it breaks on windows of a meeting whose vocabulary names poison."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.whisper, engine.stride)

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL, lanes: int = 1) -> list[Hypothesis]:
        if any("poison" in window.prompt for window in windows):
            raise RuntimeError("the kernel does not take this window")
        return super().transcribe(windows, fallback, lanes)


class Hasty(Engine):
    """The real engine, but it ends its first text in the middle."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.whisper, engine.stride)
        self.read = 0

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL, lanes: int = 1) -> list[Hypothesis]:
        (heard,) = super().transcribe(windows, fallback, lanes)
        self.read += 1
        if self.read > 1:
            return [heard]
        half = len(heard.words) // 2
        return [replace(heard, words=heard.words[:half], attended_samples=heard.attended_samples[:half])]


def test_speech_that_the_model_skips_before_a_pause_is_read_though_nothing_more_comes(
    studio: Studio, speech: Audio
) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, np.concatenate((speech, np.zeros(samples_of_s(1), np.int16))))
    engine = Hasty(studio.engine)
    studio.work(studio.worker(engine=engine))
    assert engine.read == 2
    assert studio.booked(track_id)[-1].end_s > SPEECH_S
    assert errors_in(studio.text()) <= 0.05


def test_a_language_that_the_model_does_not_know_is_booked_with_its_name(studio: Studio, speech: Audio) -> None:
    good = studio.open_meeting("good")
    bad = studio.open_meeting("bad")
    for track_id in (good, bad):
        studio.speak(track_id, speech)
    with studio.database.write() as session:
        session.get_one(Meeting, "bad").language = "yue"
    for meeting_id in ("good", "bad"):
        studio.finish(meeting_id)
    studio.work()
    assert_all_there(studio, good)
    assert studio.kinds(bad) <= {"failed", "silent"}
    assert any("yue" in (row.reason or "") for row in studio.booked(bad))


def test_a_window_that_breaks_the_engine_does_not_spoil_the_batch(studio: Studio, speech: Audio) -> None:
    bad = studio.open_meeting("bad", vocabulary=("poison",))
    good = studio.open_meeting("good")
    for track_id in (bad, good):
        studio.speak(track_id, speech)
    studio.finish("good")
    worker = studio.worker(engine=Brittle(studio.engine))
    worker.step(0)
    assert studio.booked(good)
    assert "transcribed" not in studio.kinds(bad)
    studio.work(worker)
    assert_all_there(studio, good)


def test_audio_that_no_worker_can_decode_is_booked_as_failed_and_the_meeting_goes_on(
    studio: Studio, speech: Audio
) -> None:
    track_id = studio.open_meeting(vocabulary=("poison",))
    studio.speak(track_id, speech)
    studio.finish()
    studio.work(studio.worker(engine=Brittle(studio.engine)))
    assert [row for row in studio.booked() if row.kind == "failed"] != []
    assert {row.reason for row in studio.booked() if row.kind == "failed"} == {"not decoded in 3 attempts"}
    assert studio.booked()[-1].end_s == SPEECH_S
    assert studio.state() == MeetingState.SUMMARIZING
    (failure,) = studio.failures()
    assert (failure.task, failure.arguments, failure.attempts) == (queues.TRANSCRIBE, ["0"], 3)


@pytest.mark.parametrize("end_s", [12.7, 15.2, 15.3, 15.4])
def test_speech_that_the_model_passes_over_behind_committed_words_is_read_by_itself(
    whisper: Engine, speech: Audio, end_s: float
) -> None:
    """tiny.en ends its text right behind some forced prefixes, though four seconds of speech follow."""
    first, committed, end = (samples_of_s(at) for at in (0.27, 9.37, end_s))
    words = SPOKEN.partition(" Morning.")[0].split()
    step = (committed - first) // len(words)
    prefix = tuple(Word(f" {word}", first + i * step, first + (i + 1) * step, 0.9) for i, word in enumerate(words))
    state, said = StreamState(committed, first, prefix), ""
    while state.committed_sample < end:
        view = TrackView(state, speech[state.window_first_sample : end], closed=True)
        planned = plan(view)
        if planned.window is None:
            break
        outcome = settle(planned, *transcribe_guarded(whisper, [planned.window])[0], align_att)
        state, said = outcome.state, said + "".join(word.text for word in outcome.words)
    assert "can we start with the payment" in said


def test_of_audio_that_no_worker_can_decode_only_the_window_has_failed(studio: Studio, speech: Audio) -> None:
    quiet = np.zeros(samples_of_s(10), np.int16)
    studio.speak(studio.open_meeting(vocabulary=("poison",)), np.concatenate([quiet, speech]))
    studio.finish()
    studio.work(studio.worker(engine=Brittle(studio.engine)))
    before, window = studio.booked()
    assert (before.kind, window.kind) == ("silent", "failed")
    assert before.end_s > 9
    assert window.end_s == 10 + SPEECH_S
    (failure,) = studio.failures()
    assert failure.detail == f"track main, {window.first_s:.1f}–{window.end_s:.1f} s: not decoded in 3 attempts"


def test_audio_that_cannot_even_be_looked_at_is_booked_as_failed(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.finish()
    worker = studio.worker()
    worker.stream = StreamSettings(gate=VadSettings(aggressiveness=9))
    studio.work(worker)
    assert studio.booked() == [Booked(0.0, SPEECH_S, "failed", "not decoded in 4 attempts")]
    assert studio.state() == MeetingState.SUMMARIZING
