"""Audio in, minutes out, through everything that a user runs."""

from __future__ import annotations

from itertools import groupby

import httpx
import pytest
from sqlalchemy import select

from schema.core.units import BYTES_PER_SAMPLE, samples_of_s
from schema.meetings.tables import Segment
from schema.minutes.minutes import Minutes
from tests.running_stack import SAMPLE_FOLDER, TIE_WER, RunningStack, StreamedMeeting, reference_text, sample_meeting
from tests.waiting import wait_until
from workers.asr.error_rates import word_error_rate

pytestmark = pytest.mark.faults

WER_LIMIT = 0.05


@pytest.fixture(scope="module")
def launch(running: RunningStack) -> StreamedMeeting:
    """The whole sample meeting, streamed at eight times real time."""
    return running.stream(sample_meeting(), lambda _: None, speed=8.0)


def test_the_sample_meeting_is_transcribed_with_few_word_errors(running: RunningStack, launch: StreamedMeeting) -> None:
    reference = (SAMPLE_FOLDER / "reference.txt").read_text()
    assert word_error_rate([(reference, running.transcript(launch))]) <= WER_LIMIT
    running.assert_complete(launch, running.transcript(launch))


def test_the_final_minutes_name_the_launch_date_and_the_owners_of_actions(
    running: RunningStack, launch: StreamedMeeting
) -> None:
    final = running.final_minutes(launch)
    decided = " ".join(decision.text for decision in final.decisions).replace("9th", "ninth")
    assert "Monday" in decided
    assert "ninth" in decided
    assert {"Tom", "Priya", "Leo"} <= {action.owner for action in final.actions}
    assert len([action for action in final.actions if action.owner]) >= 3


def test_every_sentence_of_the_minutes_cites_segments_of_the_meeting(
    running: RunningStack, launch: StreamedMeeting
) -> None:
    evidence = evidence_of(running.final_minutes(launch))
    assert evidence
    with running.database.read() as session:
        for key in evidence:
            assert session.get_one(Segment, key).meeting_id == launch.meeting_id


def evidence_of(minutes: Minutes) -> set[int]:
    sentences = (*minutes.overview, *minutes.decisions, *(each for part in minutes.chapters for each in part.sentences))
    assert all(sentence.evidence for sentence in sentences)
    return {key for sentence in sentences for key in sentence.evidence} | {
        key for action in minutes.actions for key in action.evidence
    }


def test_rolling_minutes_arrive_before_the_meeting_ends(launch: StreamedMeeting) -> None:
    assert launch.views["main"].rolling_versions


def test_the_meeting_can_be_exported_in_every_format(running: RunningStack, launch: StreamedMeeting) -> None:
    url = f"{running.stack.api_url}/v1/meetings/{launch.meeting_id}"
    for form, mark in (("md", "#"), ("json", "{"), ("txt", ""), ("srt", "-->"), ("vtt", "WEBVTT")):
        answer = httpx.get(f"{url}/export", params={"format": form}, trust_env=False, timeout=60)
        assert answer.is_success, answer.text
        assert mark in answer.text
        assert "payment" in answer.text


def test_a_live_meeting_is_read_again_from_its_kept_audio(running: RunningStack, launch: StreamedMeeting) -> None:
    url = f"{running.stack.api_url}/v1/meetings"
    asked = httpx.post(f"{url}/{launch.meeting_id}/reprocess", json={"part": "transcript"}, trust_env=False)
    assert asked.is_success, asked.text
    version = asked.json()["meeting"]["id"]
    shown = wait_until(
        "the new version is shown instead of the live one",
        lambda: [each["id"] for each in httpx.get(url, trust_env=False, timeout=60).json()["meetings"]],
        lambda ids: version in ids and launch.meeting_id not in ids,
    )
    assert len(shown) == len(set(shown))
    segments = httpx.get(f"{url}/{version}/transcript", trust_env=False, timeout=60).json()["segments"]
    heard = " ".join(each["text"] for each in segments)
    reference = (SAMPLE_FOLDER / "reference.txt").read_text()
    assert word_error_rate([(reference, heard)]) <= WER_LIMIT
    assert httpx.get(f"{url}/{version}/minutes", trust_env=False, timeout=60).json()["kind"] == "final"


def test_three_meetings_at_once_are_each_transcribed_as_one_alone(running: RunningStack) -> None:
    """One batch serves all three, and none gets words of another."""
    expected_text = running.undisturbed_transcript
    meetings = [running.create(main=running.clip) for _ in range(3)]
    for meeting in meetings:
        running.start_streaming(meeting, speed=6.0)
    for meeting in meetings:
        running.wait_until_streamed(meeting)
    for meeting in meetings:
        running.assert_complete(meeting, expected_text)


def test_two_tracks_are_merged_by_time_into_one_transcript(running: RunningStack) -> None:
    """Maya and Tom each have a microphone that does not pick up the other."""
    pcm = sample_meeting(30.5)
    maya, tom = samples_of_s(17.1) * BYTES_PER_SAMPLE, samples_of_s(30.5) * BYTES_PER_SAMPLE
    meeting = running.create(maya=pcm[:maya] + bytes(tom - maya), tom=bytes(maya) + pcm[maya:])
    running.start_streaming(meeting, speed=6.0)
    running.wait_until_streamed(meeting)
    text = running.transcript(meeting)
    assert word_error_rate([(reference_text(30.5), text)]) <= TIE_WER
    running.assert_complete(meeting, text)
    with running.database.read() as session:
        chosen = select(Segment.speaker).where(Segment.meeting_id == meeting.meeting_id).order_by(Segment.first_sample)
        turns = [speaker for speaker, _ in groupby(session.scalars(chosen))]
    assert turns == ["Maya", "Tom"]
