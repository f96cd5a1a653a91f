"""Audio that the model cannot decode or skips: it delays no other track, and only tried windows are failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from schema.core import queues
from schema.core.states import MeetingState
from schema.core.units import samples_of_s
from schema.meetings.tables import Meeting
from schema.speech.vad import VadSettings
from tests.workers.sample_transcript import SPEECH_S, SPEECH_TEXT, assert_all_transcribed, error_rate_of
from tests.workers.worker_rig import CoverageRow, WorkerRig
from training.data.audio import Samples
from workers.asr.engine import USUAL, Engine, Fallback
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.streaming.guard import transcribe_guarded
from workers.asr.streaming.policy import align_att
from workers.asr.streaming.stream import StreamSettings, plan, settle
from workers.asr.streaming.track import StreamState, TrackView


class BreakingEngine(Engine):
    """The real engine, which raises for a meeting whose vocabulary contains "poison"."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.whisper, engine.stride)

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL, lanes: int = 1) -> list[Hypothesis]:
        if any("poison" in window.prompt for window in windows):
            raise RuntimeError("the kernel does not take this window")
        return super().transcribe(windows, fallback, lanes)


class EngineThatStopsEarly(Engine):
    """The real engine, which returns only the first half of its first text."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.whisper, engine.stride)
        self.calls = 0

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL, lanes: int = 1) -> list[Hypothesis]:
        heard = super().transcribe(windows, fallback, lanes)
        self.calls += 1
        return (
            heard
            if self.calls > 1
            else [_stopped_early(each, window) for each, window in zip(heard, windows, strict=True)]
        )


def _stopped_early(heard: Hypothesis, window: Window) -> Hypothesis:
    half = len(heard.words) // 2
    read = heard.words[:half]
    unread = ((read[-1].end_sample, len(window.samples)),)
    return replace(heard, words=read, attended_samples=heard.attended_samples[:half], unread=unread)


def test_speech_that_the_model_skipped_before_a_pause_is_transcribed_without_further_audio(
    rig: WorkerRig, speech: Samples
) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, np.concatenate((speech, np.zeros(samples_of_s(1), np.int16))))
    engine = EngineThatStopsEarly(rig.engine)
    rig.run_until_idle(rig.worker(engine=engine))
    assert engine.calls > 1
    assert rig.coverage(track_id)[-1].end_s > SPEECH_S
    assert error_rate_of(rig.text()) <= 0.05


def test_audio_in_an_unsupported_language_is_booked_as_failed_with_the_language(
    rig: WorkerRig, speech: Samples
) -> None:
    good = rig.open_meeting("good")
    bad = rig.open_meeting("bad")
    for track_id in (good, bad):
        rig.append(track_id, speech)
    with rig.database.write() as session:
        session.get_one(Meeting, "bad").language = "yue"
    for meeting_id in ("good", "bad"):
        rig.finish(meeting_id)
    rig.run_until_idle()
    assert_all_transcribed(rig, good)
    assert rig.coverage_kinds(bad) <= {"failed", "silent"}
    assert any("yue" in (row.reason or "") for row in rig.coverage(bad))


def test_a_window_that_breaks_the_engine_does_not_affect_the_batch(rig: WorkerRig, speech: Samples) -> None:
    bad = rig.open_meeting("bad", vocabulary=("poison",))
    good = rig.open_meeting("good")
    for track_id in (bad, good):
        rig.append(track_id, speech)
    rig.finish("good")
    worker = rig.worker(engine=BreakingEngine(rig.engine))
    worker.step(0)
    assert rig.coverage(good)
    assert "transcribed" not in rig.coverage_kinds(bad)
    rig.run_until_idle(worker)
    assert_all_transcribed(rig, good)


def test_audio_that_no_worker_can_decode_is_booked_as_failed_and_the_meeting_continues(
    rig: WorkerRig, speech: Samples
) -> None:
    track_id = rig.open_meeting(vocabulary=("poison",))
    rig.append(track_id, speech)
    rig.finish()
    rig.run_until_idle(rig.worker(engine=BreakingEngine(rig.engine)))
    assert [row for row in rig.coverage() if row.kind == "failed"] != []
    assert {row.reason for row in rig.coverage() if row.kind == "failed"} == {"not decoded in 3 attempts"}
    assert rig.coverage()[-1].end_s == SPEECH_S
    assert rig.state() == MeetingState.SUMMARIZING
    (failure,) = rig.failures()
    assert (failure.task, failure.arguments, failure.attempts) == (queues.TRANSCRIBE, ["0"], 3)


@pytest.mark.parametrize("end_s", [12.7, 15.2, 15.3, 15.4])
def test_speech_that_the_model_skipped_after_committed_words_is_transcribed_alone(
    whisper: Engine, speech: Samples, end_s: float
) -> None:
    """tiny.en ends its text right after some forced prefixes although four seconds of speech follow."""
    first, committed, end = (samples_of_s(at) for at in (0.27, 9.37, end_s))
    words = SPEECH_TEXT.partition(" Morning.")[0].split()
    step = (committed - first) // len(words)
    prefix = tuple(Word(f" {word}", first + i * step, first + (i + 1) * step, 0.9) for i, word in enumerate(words))
    state, text = StreamState(committed, first, prefix), ""
    while state.committed_sample < end:
        view = TrackView(state, speech[state.window_first_sample : end], closed=True)
        planned = plan(view)
        if planned.window is None:
            break
        outcome = settle(planned, *transcribe_guarded(whisper, [planned.window])[0], align_att)
        state, text = outcome.state, text + "".join(word.text for word in outcome.words)
    assert "can we start with the payment" in text


def test_only_the_tried_window_of_undecodable_audio_is_booked_as_failed(rig: WorkerRig, speech: Samples) -> None:
    quiet = np.zeros(samples_of_s(10), np.int16)
    rig.append(rig.open_meeting(vocabulary=("poison",)), np.concatenate([quiet, speech]))
    rig.finish()
    rig.run_until_idle(rig.worker(engine=BreakingEngine(rig.engine)))
    before, window = rig.coverage()
    assert (before.kind, window.kind) == ("silent", "failed")
    assert before.end_s > 9
    assert window.end_s == 10 + SPEECH_S
    (failure,) = rig.failures()
    assert failure.detail == f"track main, {window.first_s:.1f}–{window.end_s:.1f} s: not decoded in 3 attempts"


def test_audio_that_fails_in_voice_activity_detection_is_booked_as_failed(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    rig.finish()
    worker = rig.worker()
    worker.stream = StreamSettings(gate=VadSettings(aggressiveness=9))
    rig.run_until_idle(worker)
    assert rig.coverage() == [CoverageRow(0.0, SPEECH_S, "failed", "not decoded in 4 attempts")]
    assert rig.state() == MeetingState.SUMMARIZING
