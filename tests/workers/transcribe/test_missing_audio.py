"""Audio lost by a producer or by Redis is booked as missing, and no other audio is."""

from __future__ import annotations

import pytest

from schema.core.errors import AudioGap
from schema.core.states import MeetingState
from schema.core.units import SAMPLE_RATE_HZ, samples_of_s
from tests.workers.sample_transcript import (
    LATER_SPEECH_TEXT,
    SPEECH_S,
    SPEECH_TEXT,
    assert_all_transcribed,
    error_rate_of,
)
from tests.workers.worker_rig import CoverageRow, WorkerRig
from training.data.audio import Samples


def test_audio_that_the_producer_lost_is_booked_as_missing(
    rig: WorkerRig, speech: Samples, later_speech: Samples
) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech)
    rig.mailbox.skip(track_id, len(speech) + samples_of_s(3))
    rig.append(track_id, later_speech)
    rig.finish()
    rig.run_until_idle()
    assert CoverageRow(17.0, 20.0, "missing") in rig.coverage()
    assert rig.coverage()[-1].end_s == 20.0 + len(later_speech) / SAMPLE_RATE_HZ
    assert error_rate_of(rig.text(), f"{SPEECH_TEXT} {LATER_SPEECH_TEXT}") <= 0.05


def test_speech_repeated_after_a_gap_is_transcribed_again(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech)
    rig.mailbox.skip(track_id, len(speech) + samples_of_s(3))
    rig.append(track_id, speech)
    rig.finish()
    rig.run_until_idle()
    assert error_rate_of(rig.text(), f"{SPEECH_TEXT} {SPEECH_TEXT}") <= 0.05


def test_audio_that_redis_lost_before_the_end_is_booked_as_missing(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech)
    rig.worker().step(0)
    committed_s = rig.coverage()[-1].end_s
    rig.redis.flushall()
    rig.finish()
    rig.give_up_lost_audio()
    rig.run_until_idle()
    assert committed_s < SPEECH_S
    assert rig.coverage()[-1] == CoverageRow(committed_s, SPEECH_S, "missing")
    assert rig.state() == MeetingState.SUMMARIZING


def test_a_mailbox_that_redis_lost_is_opened_from_sql_and_its_audio_resent(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech[: samples_of_s(10)])
    rig.worker().step(0)
    rig.redis.flushdb()
    rig.run_until_idle(rig.worker("second"))
    resume_sample = rig.open_mailbox(track_id)
    assert resume_sample / SAMPLE_RATE_HZ == rig.coverage()[-1].end_s
    with pytest.raises(AudioGap, match=f"continue at sample {resume_sample}"):
        rig.append(track_id, speech[samples_of_s(10) :], samples_of_s(10))
    rig.append(track_id, speech[resume_sample:])
    rig.finish()
    rig.run_until_idle()
    assert_all_transcribed(rig)


def test_audio_that_redis_lost_after_the_finish_is_booked_as_missing(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech[: samples_of_s(10)])
    rig.worker().step(0)
    rig.append(track_id, speech[samples_of_s(10) :])
    rig.finish()
    rig.redis.flushdb()
    rig.sweeper().run()
    rig.give_up_lost_audio()
    rig.run_until_idle()
    assert rig.coverage_kinds() >= {"transcribed", "missing"}
    assert rig.coverage()[-1].end_s == SPEECH_S
    assert rig.state() == MeetingState.SUMMARIZING


def test_audio_that_comes_again_after_the_finish_is_transcribed(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech[: samples_of_s(10)])
    rig.worker().step(0)
    rig.append(track_id, speech[samples_of_s(10) :])
    rig.finish()
    rig.redis.flushdb()
    rig.sweeper().run()
    resume_sample = rig.mailbox.status(track_id).received_sample
    rig.append(track_id, speech[resume_sample : samples_of_s(12)])
    rig.sweeper().run()
    rig.append(track_id, speech[samples_of_s(12) :])
    rig.sweeper().run()
    rig.run_until_idle()
    assert_all_transcribed(rig)
    assert rig.state() == MeetingState.SUMMARIZING
