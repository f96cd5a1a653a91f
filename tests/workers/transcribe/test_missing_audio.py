"""Audio that a producer or Redis has lost is booked as missing, and nothing else is."""

from __future__ import annotations

import pytest

from schema.core.errors import AudioGap
from schema.core.states import MeetingState
from schema.core.units import SAMPLE_RATE_HZ, samples_of_s
from tests.workers.spoken import SPEECH_S, SPOKEN, SPOKEN_LATER, assert_all_there, errors_in
from tests.workers.studio import Audio, Booked, Studio


def test_audio_that_the_producer_lost_is_booked_as_missing(studio: Studio, speech: Audio, later_speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech)
    studio.mailbox.skip(track_id, len(speech) + samples_of_s(3))
    studio.speak(track_id, later_speech)
    studio.finish()
    studio.work()
    assert Booked(17.0, 20.0, "missing") in studio.booked()
    assert studio.booked()[-1].end_s == 20.0 + len(later_speech) / SAMPLE_RATE_HZ
    assert errors_in(studio.text(), f"{SPOKEN} {SPOKEN_LATER}") <= 0.05


def test_what_is_said_again_after_a_hole_is_written_again(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech)
    studio.mailbox.skip(track_id, len(speech) + samples_of_s(3))
    studio.speak(track_id, speech)
    studio.finish()
    studio.work()
    assert errors_in(studio.text(), f"{SPOKEN} {SPOKEN}") <= 0.05


def test_audio_that_redis_lost_before_the_end_is_booked_as_missing(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech)
    studio.worker().step(0)
    committed_s = studio.booked()[-1].end_s
    studio.redis.flushall()
    studio.finish()
    studio.work()
    assert committed_s < SPEECH_S
    assert studio.booked()[-1] == Booked(committed_s, SPEECH_S, "missing")
    assert studio.state() == MeetingState.SUMMARIZING


def test_a_mailbox_that_redis_lost_is_opened_from_sql_and_the_producer_sends_again(
    studio: Studio, speech: Audio
) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech[: samples_of_s(10)])
    studio.worker().step(0)
    studio.redis.flushdb()
    studio.work(studio.worker("second"))
    resume_sample = studio.open_mailbox(track_id)
    assert resume_sample / SAMPLE_RATE_HZ == studio.booked()[-1].end_s
    with pytest.raises(AudioGap, match=f"continue at sample {resume_sample}"):
        studio.speak(track_id, speech[samples_of_s(10) :], samples_of_s(10))
    studio.speak(track_id, speech[resume_sample:])
    studio.finish()
    studio.work()
    assert_all_there(studio)


def test_what_redis_lost_after_the_finish_is_booked_as_missing(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech[: samples_of_s(10)])
    studio.worker().step(0)
    studio.speak(track_id, speech[samples_of_s(10) :])
    studio.finish()
    studio.redis.flushdb()
    studio.sweeper().run()
    studio.work()
    assert studio.kinds() >= {"transcribed", "missing"}
    assert studio.booked()[-1].end_s == SPEECH_S
    assert studio.state() == MeetingState.SUMMARIZING
