"""The transcriber's step on real Valkey, SQLite, speech and weights, with everything that can go wrong on its way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest
from sqlalchemy import event

from deploy.wer import word_error_rate
from schema import queues
from schema.database import Database
from schema.errors import AudioGap, Unavailable
from schema.events import Event, channel
from schema.lifecycle import delete_meeting
from schema.mailbox import Mailbox
from schema.states import MeetingState
from schema.tables import Coverage, Meeting, Segment, Track
from schema.units import SAMPLE_RATE_HZ, samples_of_s
from tests.workers.studio import PACE, Audio, Booked, Studio
from workers.asr.engine import USUAL, Engine, Fallback
from workers.asr.guard import transcribe_guarded
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.policy import align_att
from workers.asr.stream import plan, settle
from workers.asr.track import StreamState, TrackView

SPOKEN = (
    "Good morning everyone. Thanks for joining. We have three points today: the launch date, the failing payment "
    "tests, and who talks to the pilot customers. Morning. Can we start with the payment tests? They decide "
    "everything else. Sure. Where do we stand?"
)
SPOKEN_LATER = (
    "Last night eleven of the forty payment tests failed. All of them fail for the same reason. The bank changed the "
    "format of its confirmation message, and our parser still expects the old one."
)
SPEECH_S = 17.0


class Crash(BaseException):
    """The worker is gone: nothing of it runs any more, not even an `except Exception`."""


class Interrupted(Engine):
    """The real engine; something happens elsewhere while it decodes for the first time."""

    def __init__(self, engine: Engine, meanwhile: Callable[[], None]) -> None:
        super().__init__(engine.whisper, engine.stride)
        self.meanwhile: Callable[[], None] | None = meanwhile

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL) -> list[Hypothesis]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().transcribe(windows, fallback)


class Brittle(Engine):
    """The real engine, but it breaks on windows of a meeting whose vocabulary names poison."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.whisper, engine.stride)

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL) -> list[Hypothesis]:
        if any("poison" in window.prompt for window in windows):
            raise RuntimeError("the kernel does not take this window")
        return super().transcribe(windows, fallback)


class CrashesBeforeRelease(Mailbox):
    """The mailbox of a worker that dies between its commit and its release."""

    def release(self, *_args: object, **_kwargs: object) -> bool:
        raise Crash


def errors_in(text: str, spoken: str = SPOKEN) -> float:
    return word_error_rate([(spoken, text)])


def assert_all_there(studio: Studio, track_id: str = "m-main") -> None:
    """The whole of the speech is accounted for, and what was said is there once."""
    assert studio.booked(track_id)[-1].end_s == SPEECH_S
    assert studio.kinds(track_id) == {"transcribed", "silent"}
    assert errors_in(studio.text(track_id.partition("-")[0])) <= 0.05


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


def test_the_step_of_a_worker_that_was_overtaken_is_dropped(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.finish()

    def overtaken() -> None:
        studio.pass_time(PACE.lease_ms)
        studio.work(studio.worker("second"))

    studio.worker("first", engine=Interrupted(studio.engine, overtaken)).step(0)
    assert_all_there(studio)
    assert studio.mailbox.status("m-main").worker == "second"


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


def test_a_meeting_whose_adapter_is_gone_is_read_without_it(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    with studio.database.write() as session:
        session.get_one(Meeting, "m").asr_adapter = "gone"
    studio.finish()
    studio.work()
    assert_all_there(studio)
    with studio.database.read() as session:
        assert {segment.adapter for segment in session.query(Segment)} == {None}


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


def test_a_worker_that_dies_between_commit_and_release_is_replaced_from_sql(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech[: samples_of_s(9)])
    with pytest.raises(Crash):
        studio.worker(mailbox=CrashesBeforeRelease(studio.redis)).step(0)
    assert studio.mailbox.status(track_id).committed_sample == 0
    assert studio.booked()
    studio.speak(track_id, speech[samples_of_s(9) :])
    studio.finish()
    studio.pass_time(PACE.lease_ms)
    studio.work(studio.worker("second"))
    assert_all_there(studio)


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
    with pytest.raises(AudioGap, match=f"go on at sample {resume_sample}"):
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


def test_a_meeting_deleted_while_it_is_decoded_leaves_nothing_behind(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)

    def deleted() -> None:
        delete_meeting(studio.database, studio.mailbox, studio.redis, "m")

    studio.work(studio.worker(engine=Interrupted(studio.engine, deleted)))
    assert [studio.count(table) for table in (Segment, Coverage, Track)] == [0, 0, 0]


@pytest.fixture
def impatient(database: Database) -> Iterator[Database]:
    """The same database, for a worker that does not wait long for a lock."""
    opened = Database(str(database.url))
    event.listen(opened.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    yield opened
    opened.close()


def test_a_database_that_is_locked_for_long_costs_time_and_no_audio(
    studio: Studio, speech: Audio, impatient: Database
) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.finish()
    worker = studio.worker(database=impatient)
    with closing(sqlite3.connect(str(studio.database.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(PACE.attempts_limit + 2):
            with pytest.raises(Unavailable, match="locked"):
                worker.step(0)
            assert studio.mailbox.status("m-main").due_in_ms is not None
            studio.pass_time(2000)
    studio.work(worker)
    assert_all_there(studio)
    assert studio.failures() == []


def test_a_database_that_cannot_be_written_costs_time_and_no_audio(
    studio: Studio, speech: Audio, database: Database
) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.finish()
    read_only = Database(str(database.url))
    event.listen(read_only.engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
    for _ in range(PACE.attempts_limit + 2):
        with pytest.raises(Unavailable, match="read-only"):
            studio.worker(database=read_only).step(0)
        studio.pass_time(2000)
    read_only.close()
    studio.work()
    assert_all_there(studio)
    assert studio.failures() == []


def test_two_workers_that_take_turns_write_one_transcript(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    workers = [studio.worker("first"), studio.worker("second")]
    for number, first in enumerate(range(0, len(speech), samples_of_s(3))):
        studio.speak(track_id, speech[first : first + samples_of_s(3)])
        workers[number % 2].step(0)
    studio.finish()
    studio.work(workers[1])
    assert_all_there(studio)


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


def test_a_worker_whose_commit_is_refused_gives_the_track_back(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech)

    def commit_of_another() -> None:
        with studio.database.write() as session:
            session.get_one(Track, track_id).committed_sample = 1600
            session.add(Coverage(track_id=track_id, first_sample=0, end_sample=1600, kind="silent"))

    studio.worker(engine=Interrupted(studio.engine, commit_of_another)).step(0)
    status = studio.mailbox.status(track_id)
    assert (status.lease_ms, status.attempts) == (None, 0)
    studio.finish()
    studio.work()
    assert_all_there(studio)


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
