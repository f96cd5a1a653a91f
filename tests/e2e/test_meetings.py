"""Audio in at the door, minutes out, through everything that a user runs."""

from __future__ import annotations

from itertools import groupby

import httpx
import pytest
from sqlalchemy import select

from schema.core.units import BYTES_PER_SAMPLE, samples_of_s
from schema.meetings.minutes import Minutes
from schema.meetings.tables import Segment
from tests.hall import SAMPLE, TIES, Hall, Sitting, sample_meeting, spoken
from workers.asr.error_rates import word_error_rate

pytestmark = pytest.mark.faults

WER_LIMIT = 0.05


@pytest.fixture(scope="module")
def launch(whole: Hall) -> Sitting:
    """The whole sample meeting, eight times as fast as it was spoken."""
    sitting = whole.create(main=sample_meeting())
    whole.stream(sitting, speed=8.0).result()
    return sitting


def test_the_sample_meeting_is_transcribed(whole: Hall, launch: Sitting) -> None:
    reference = (SAMPLE / "reference.txt").read_text()
    assert word_error_rate([(reference, whole.text(launch))]) <= WER_LIMIT
    whole.assert_whole(launch, whole.text(launch))


def test_its_final_minutes_name_the_date_and_who_does_what(whole: Hall, launch: Sitting) -> None:
    final = whole.final(launch)
    decided = " ".join(decision.text for decision in final.decisions).replace("9th", "ninth")
    assert "Monday" in decided
    assert "ninth" in decided
    assert {"Tom", "Priya", "Leo"} <= {action.owner for action in final.actions}
    assert len([action for action in final.actions if action.owner]) >= 3


def test_every_sentence_of_the_minutes_leads_to_what_was_said(whole: Hall, launch: Sitting) -> None:
    evidence = evidence_of(whole.final(launch))
    assert evidence
    with whole.database.read() as session:
        for key in evidence:
            assert session.get_one(Segment, key).meeting_id == launch.meeting_id


def evidence_of(minutes: Minutes) -> set[int]:
    told = (*minutes.overview, *minutes.decisions, *(each for part in minutes.chapters for each in part.sentences))
    assert all(sentence.evidence for sentence in told)
    return {key for sentence in told for key in sentence.evidence} | {
        key for action in minutes.actions for key in action.evidence
    }


def test_rolling_minutes_were_there_before_the_end(launch: Sitting) -> None:
    assert launch.views["main"].rolling_versions


def test_the_meeting_can_be_taken_away(whole: Hall, launch: Sitting) -> None:
    url = f"{whole.stack.api_url}/v1/meetings/{launch.meeting_id}"
    for form, sign in (("md", "#"), ("json", "{"), ("txt", ""), ("srt", "-->"), ("vtt", "WEBVTT")):
        answer = httpx.get(f"{url}/export", params={"format": form}, trust_env=False, timeout=60)
        assert answer.is_success, answer.text
        assert sign in answer.text
        assert "payment" in answer.text


def test_three_meetings_at_once(whole: Hall) -> None:
    """One batch serves them all, and none gets words of another."""
    whole.undisturbed  # noqa: B018
    sittings = [whole.create(main=whole.clip) for _ in range(3)]
    for ended in [whole.stream(sitting, speed=6.0) for sitting in sittings]:
        ended.result()
    for sitting in sittings:
        whole.assert_whole(sitting, whole.undisturbed)


def test_two_tracks_become_one_transcript_by_time(whole: Hall) -> None:
    """Maya and Tom, each with a microphone that hears the other not at all."""
    pcm = sample_meeting(30.5)
    maya, tom = samples_of_s(17.1) * BYTES_PER_SAMPLE, samples_of_s(30.5) * BYTES_PER_SAMPLE
    sitting = whole.create(maya=pcm[:maya] + bytes(tom - maya), tom=bytes(maya) + pcm[maya:])
    whole.stream(sitting, speed=6.0).result()
    text = whole.text(sitting)
    assert word_error_rate([(spoken(30.5), text)]) <= TIES
    whole.assert_whole(sitting, text)
    with whole.database.read() as session:
        chosen = select(Segment.speaker).where(Segment.meeting_id == sitting.meeting_id).order_by(Segment.first_sample)
        turns = [speaker for speaker, _ in groupby(session.scalars(chosen))]
    assert turns == ["Maya", "Tom"]
