"""The transcriber's step on real Valkey, SQLite, speech and weights."""

from __future__ import annotations

from schema.core import queues
from schema.core.events import Event, channel
from schema.core.states import MeetingState
from schema.core.units import samples_of_s
from schema.meetings.tables import Coverage, Meeting, Segment, Track
from tests.workers.spoken import SPEECH_S, assert_all_there
from tests.workers.studio import Audio, Studio


def test_a_meeting_is_transcribed_and_handed_to_the_summariser(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.finish()
    studio.work()
    assert_all_there(studio)
    assert studio.state() == MeetingState.SUMMARIZING
    assert studio.sent[-1] == (queues.SUMMARIZE, ["m"])


def test_while_people_speak_the_mailbox_is_trimmed_to_what_sql_has(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    worker = studio.worker()
    for first in range(0, len(speech), samples_of_s(2)):
        studio.speak(track_id, speech[first : first + samples_of_s(2)])
        worker.step(0)
        status = studio.mailbox.status(track_id)
        with studio.database.read() as session:
            assert status.committed_sample == session.get_one(Track, track_id).committed_sample
        assert status.lease_ms is None
        assert status.received_sample == min(first + samples_of_s(2), len(speech))
    studio.finish()
    studio.work(worker)
    assert_all_there(studio)


def test_followers_hear_of_every_segment_as_it_stands_in_sql(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    with studio.redis.pubsub(ignore_subscribe_messages=True) as listener:  # type: ignore[no-untyped-call]
        listener.subscribe(channel("m"))
        listener.get_message(timeout=5)
        studio.speak(track_id, speech)
        studio.finish()
        studio.work()
        heard = [Event.decode(message["data"]) for message in iter(listener.get_message, None)]
    with studio.database.read() as session:
        rows = {segment.id: segment for segment in session.query(Segment)}
    segments = [event for event in heard if event.type == "segment"]
    assert [event.seq for event in segments] == sorted(event.seq or 0 for event in segments)
    assert {event.data["id"]: event.data["text"] for event in segments} == {key: row.text for key, row in rows.items()}
    assert [event.data["state"] for event in heard if event.type == "state"] == ["draining", "summarizing"]


def test_one_batch_serves_several_tracks(studio: Studio, speech: Audio) -> None:
    studio.open_meeting("m", "maya", "tom")
    studio.speak("m-maya", speech)
    studio.speak("m-tom", speech)
    studio.finish()
    worker = studio.worker()
    worker.step(0)
    assert studio.booked("m-maya")[-1].end_s > 0
    assert studio.booked("m-tom")[-1].end_s > 0
    studio.work(worker)
    for track_id in ("m-maya", "m-tom"):
        assert studio.booked(track_id)[-1].end_s == SPEECH_S
    assert studio.state() == MeetingState.SUMMARIZING


def test_what_nobody_finished_saying_is_closed_with_the_meeting(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech)
    with studio.database.write() as session:
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
    studio.finish()
    studio.work()
    with studio.database.read() as session:
        (segment,) = session.query(Segment)
        assert (segment.text, segment.closed) == ("And then", True)
    assert studio.state() == MeetingState.SUMMARIZING


def test_a_meeting_whose_adapter_is_gone_is_read_without_it(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    with studio.database.write() as session:
        session.get_one(Meeting, "m").asr_adapter = "gone"
    studio.finish()
    studio.work()
    assert_all_there(studio)
    with studio.database.read() as session:
        assert {segment.adapter for segment in session.query(Segment)} == {None}
