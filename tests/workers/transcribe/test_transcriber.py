"""The transcriber on real Valkey, SQLite, speech and weights."""

from __future__ import annotations

from itertools import pairwise

from schema.core import queues
from schema.core.events import Event, channel
from schema.core.states import MeetingState
from schema.core.units import samples_of_s
from schema.meetings.tables import Coverage, Meeting, Segment, Track
from tests.workers.sample_transcript import SPEECH_S, assert_all_transcribed
from tests.workers.worker_rig import WorkerRig
from training.data.audio import Samples


def test_a_finished_meeting_is_transcribed_and_handed_to_the_summarizer(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    rig.finish()
    rig.run_until_idle()
    assert_all_transcribed(rig)
    assert rig.state() == MeetingState.SUMMARIZING
    assert rig.sent[-1] == (queues.SUMMARIZE, ["m"])


def test_in_a_live_meeting_mailbox_and_sql_agree_after_each_step(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    worker = rig.worker()
    for first in range(0, len(speech), samples_of_s(2)):
        rig.append(track_id, speech[first : first + samples_of_s(2)])
        worker.step(0)
        status = rig.mailbox.status(track_id)
        with rig.database.read() as session:
            assert status.committed_sample == session.get_one(Track, track_id).committed_sample
        assert status.lease_ms is None
        assert status.received_sample == min(first + samples_of_s(2), len(speech))
    rig.finish()
    rig.run_until_idle(worker)
    assert_all_transcribed(rig)


def test_flushes_in_mid_speech_are_answered_and_lose_or_double_no_word(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    worker = rig.worker()
    step = samples_of_s(1.9)
    with rig.redis.pubsub(ignore_subscribe_messages=True) as listener:  # type: ignore[no-untyped-call]
        listener.subscribe(channel("m"))
        listener.get_message(timeout=5)
        for first in range(0, len(speech), step):
            rig.append(track_id, speech[first : first + step])
            rig.mailbox.flush(track_id)
            rig.run_until_idle(worker)
            told = [Event.decode(message["data"]) for message in iter(listener.get_message, None)]
            answered = [event.data["answered_sample"] for event in told if event.type == "coverage"]
            assert answered[-1] == min(first + step, len(speech))
    rig.finish()
    rig.run_until_idle(worker)  # a word that is held at the last flush is committed
    assert_all_transcribed(rig)
    words = [word.strip(".,?!").lower() for word in rig.text().split()]
    assert not [pair for pair in pairwise(words) if pair[0] == pair[1]], words


def test_followers_get_every_segment_as_it_is_in_sql(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    with rig.redis.pubsub(ignore_subscribe_messages=True) as listener:  # type: ignore[no-untyped-call]
        listener.subscribe(channel("m"))
        listener.get_message(timeout=5)
        rig.append(track_id, speech)
        rig.finish()
        rig.run_until_idle()
        heard = [Event.decode(message["data"]) for message in iter(listener.get_message, None)]
    with rig.database.read() as session:
        rows = {segment.id: segment for segment in session.query(Segment)}
    segments = [event for event in heard if event.type == "segment"]
    assert [event.seq for event in segments] == sorted(event.seq or 0 for event in segments)
    assert {event.data["id"]: event.data["text"] for event in segments} == {key: row.text for key, row in rows.items()}
    assert [event.data["state"] for event in heard if event.type == "state"] == ["draining", "summarizing"]


def test_one_step_transcribes_several_tracks(rig: WorkerRig, speech: Samples) -> None:
    rig.open_meeting("m", "maya", "tom")
    rig.append("m-maya", speech)
    rig.append("m-tom", speech)
    rig.finish()
    worker = rig.worker()
    worker.step(0)
    assert rig.coverage("m-maya")[-1].end_s > 0
    assert rig.coverage("m-tom")[-1].end_s > 0
    rig.run_until_idle(worker)
    for track_id in ("m-maya", "m-tom"):
        assert rig.coverage(track_id)[-1].end_s == SPEECH_S
    assert rig.state() == MeetingState.SUMMARIZING


def test_an_open_segment_is_closed_at_the_end_of_the_meeting(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech)
    with rig.database.write() as session:
        track = session.get_one(Track, track_id)
        track.committed_sample = len(speech)
        session.add(Coverage(track_id=track_id, first_sample=0, end_sample=len(speech), kind="transcribed"))
        session.add(
            Segment(
                meeting_id="m",
                track_id=track_id,
                seq=1,
                first_sample=0,
                end_sample=len(speech),
                text="And then",
                words=[],
                closed=False,
                model="tiny.en",
            )
        )
    rig.finish()
    rig.run_until_idle()
    with rig.database.read() as session:
        (segment,) = session.query(Segment)
        assert (segment.text, segment.closed) == ("And then", True)
    assert rig.state() == MeetingState.SUMMARIZING


def test_a_meeting_with_an_unknown_adapter_is_transcribed_without_it(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    with rig.database.write() as session:
        session.get_one(Meeting, "m").asr_adapter = "gone"
    rig.finish()
    rig.run_until_idle()
    assert_all_transcribed(rig)
    with rig.database.read() as session:
        assert {segment.adapter for segment in session.query(Segment)} == {None}
