"""Speakers of whole meetings, live and from files, on real speech and weights."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from schema.core import queues
from schema.core.states import MeetingState, SpeakerSource, TrackKind
from schema.core.units import s_of_samples, samples_of_s
from schema.corrections.segments import correct, rename_speaker
from schema.fleet.orders import pause_queue, resume_queue
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Meeting, Segment, Track
from schema.speakers.attendance import ABSENT_AFTER_S, MISSED_KEY, NO_LISTENER
from schema.speakers.people import people_of
from schema.speakers.tables import Person, VoiceUnit
from tests.workers.conftest import SAMPLE, sample_meeting
from tests.workers.speakers.conftest import new_listener
from tests.workers.worker_rig import WorkerRig
from training.data.audio import Samples
from workers.speakers.engine import VoiceEngine
from workers.speakers.ledger import commit_heard
from workers.speakers.listener import Listener
from workers.transcribe.transcriber import Transcriber

pytestmark = pytest.mark.model
PIECE = samples_of_s(4)


def segments(rig: WorkerRig, meeting_id: str = "m") -> Sequence[Segment]:
    with rig.database.read() as session:
        wanted = select(Segment).where(Segment.meeting_id == meeting_id)
        return session.scalars(wanted.order_by(Segment.first_sample, Segment.id)).all()


def lines(rig: WorkerRig) -> list[tuple[str | None, str]]:
    return [(each.speaker, each.text) for each in segments(rig)]


def units(rig: WorkerRig) -> list[tuple[int, int, int | None]]:
    with rig.database.read() as session:
        rows = session.scalars(select(VoiceUnit).order_by(VoiceUnit.first_sample))
        return [(row.first_sample, row.end_sample, row.person) for row in rows]


def hear_all(listener: Listener) -> None:
    while listener.step(0):
        pass


def stream(rig: WorkerRig, track_id: str, audio: Samples, worker: Transcriber, listener: Listener | None) -> None:
    """Send *audio* in pieces, with a step of both readers after each."""
    for first in range(0, len(audio), PIECE):
        rig.append(track_id, audio[first : first + PIECE])
        worker.step(0)
        if listener is not None:
            hear_all(listener)


def end(rig: WorkerRig, worker: Transcriber, listener: Listener) -> None:
    rig.finish()
    rig.run_until_idle(worker)
    rig.pass_time(5000)
    listener.run(0)


def words_right(rig: WorkerRig) -> float:
    """The share of words in the sample meeting whose speaker is the one of the reference, after the best naming."""
    said = json.loads((SAMPLE / "segments.json").read_text())
    pairs: dict[tuple[str, str], int] = {}
    for segment in segments(rig):
        for _, first, last, _ in segment.words:
            middle = s_of_samples(first + last) / 2
            true = min(said, key=lambda turn: max(turn["start_s"] - middle, middle - turn["end_s"], 0))["speaker"]
            pairs[str(segment.speaker), true] = pairs.get((str(segment.speaker), true), 0) + 1
    best: dict[str, int] = {}
    taken: set[str] = set()
    for (label, true), count in sorted(pairs.items(), key=lambda pair: -pair[1]):
        if label not in best and true not in taken:
            best[label] = count
            taken.add(true)
    return sum(best.values()) / sum(pairs.values())


@pytest.mark.parametrize("kind", TrackKind)
def test_the_words_of_a_meeting_on_one_track_are_their_speakers(
    rig: WorkerRig, listener: Listener, kind: TrackKind
) -> None:
    track_id, worker = rig.open_meeting(speakers="auto", kind=kind), rig.worker()
    stream(rig, track_id, sample_meeting(0, 60), worker, listener)
    live = lines(rig)
    assert {speaker for speaker, _ in live} >= {"Speaker 1", "Speaker 2"}
    end(rig, worker, listener)
    assert rig.state() == MeetingState.SUMMARIZING
    assert words_right(rig) > 0.9
    assert all(each.speaker_from in (SpeakerSource.VOICE, SpeakerSource.END) for each in segments(rig))
    assert [text for _, text in lines(rig)][: len(live) - 1] == [text for _, text in live[:-1]]
    assert rig.coverage_kinds() <= {"transcribed", "silent"}


def test_the_minutes_wait_until_the_speakers_are_settled(rig: WorkerRig, listener: Listener, speech: Samples) -> None:
    track_id, worker = rig.open_meeting(speakers="auto"), rig.worker()
    rig.append(track_id, speech)
    rig.finish()
    rig.run_until_idle(worker)
    assert rig.state() == MeetingState.DRAINING
    assert {each.speaker for each in segments(rig)} == {None}
    listener.run(0)
    assert rig.state() == MeetingState.SUMMARIZING
    assert {each.speaker for each in segments(rig)} == {"Speaker 1", "Speaker 2"}
    with rig.database.read() as session:
        assert session.get_one(Meeting, "m").people_settled


def test_a_killed_listener_leaves_the_same_labels(rig: WorkerRig, voices: VoiceEngine, speech: Samples) -> None:
    listener, worker = new_listener(rig, voices), rig.worker()
    track_id = rig.open_meeting(speakers="auto")
    stream(rig, track_id, speech, worker, listener)
    expected, expected_units = lines(rig), units(rig)

    other = rig.open_meeting("n", speakers="auto")
    for first in range(0, len(speech), PIECE):
        rig.append(other, speech[first : first + PIECE])
        worker.step(0)
        # One listener claims the track and dies. Another one, which knows nothing of the meeting, takes over.
        claim = rig.mailbox.listen(0, 20_000)
        rig.pass_time(20_001)
        hear_all(new_listener(rig, voices))
        assert claim is None or not rig.mailbox.heard(other, claim.epoch, heard_sample=0, keep_sample=0, next_sample=0)
    assert [(each.speaker, each.text) for each in segments(rig, "n")] == expected
    assert units(rig)[::2] == units(rig)[1::2]
    assert units(rig)[::2] == expected_units


@pytest.mark.parametrize(("others", "waits_for_s"), [(0, 5.0), (7, 12.5)])
def test_with_many_live_meetings_each_is_listened_to_more_seldom(
    rig: WorkerRig, listener: Listener, speech: Samples, others: int, waits_for_s: float
) -> None:
    tracks = [rig.open_meeting(f"m{number}", speakers="auto") for number in range(others + 1)]
    for track_id in tracks:
        rig.append(track_id, speech[: samples_of_s(2.5)])
    hear_all(listener)
    for track_id in tracks:
        rig.append(track_id, speech[samples_of_s(2.5) : samples_of_s(waits_for_s) - 1])
    hear_all(listener)  # the last that was listened to knows of all others
    before = heard(rig, tracks[-1])
    rig.append(tracks[-1], speech[samples_of_s(waits_for_s) - 1 : samples_of_s(waits_for_s)])
    hear_all(listener)
    assert before < samples_of_s(2.5) < heard(rig, tracks[-1])


def heard(rig: WorkerRig, track_id: str) -> int:
    with rig.database.read() as session:
        return session.get_one(Track, track_id).heard_sample or 0


def test_two_listeners_at_once_write_each_unit_once(rig: WorkerRig, voices: VoiceEngine, speech: Samples) -> None:
    slow, fast = new_listener(rig, voices), new_listener(rig, voices)
    track_id, worker = rig.open_meeting(speakers="auto"), rig.worker()
    rig.append(track_id, speech)
    claim = rig.mailbox.listen(0, 20_000)
    assert claim is not None
    track = slow._track(track_id)
    assert track is not None
    part = slow._heard(claim, track)  # its lease ends while it computes
    assert part is not None
    rig.pass_time(20_001)
    fast.step(0)
    written = units(rig)
    assert commit_heard(rig.database, part, slow.trackers) is None
    assert units(rig) == written
    hear_all(fast)
    end(rig, worker, fast)
    assert [first for first, _, _ in units(rig)] == sorted({first for first, _, _ in units(rig)})


def test_what_a_person_said_wins_over_voices(rig: WorkerRig, listener: Listener, speech: Samples) -> None:
    track_id, worker = rig.open_meeting(speakers="auto"), rig.worker()
    stream(rig, track_id, speech, worker, listener)
    wrong = segments(rig)[1]
    with rig.database.write() as session:
        correct(session, "m", wrong.id, {"speaker": "Leo"}, "me")
        rename_speaker(session, "m", "Speaker 2", "Tom", None, "me")
    end(rig, worker, listener)
    after = segments(rig)
    assert {each.speaker for each in after} == {"Speaker 1", "Leo", "Tom"}
    assert next(each for each in after if each.id == wrong.id).speaker == "Leo"
    assert {each.version for each in after if each.speaker == "Tom"} == {1}


def test_a_name_given_to_two_people_makes_them_one(rig: WorkerRig, listener: Listener, speech: Samples) -> None:
    track_id, worker = rig.open_meeting(speakers="auto"), rig.worker()
    stream(rig, track_id, speech, worker, listener)
    with rig.database.write() as session:
        rename_speaker(session, "m", "Speaker 1", "Maya", None, "me")
        rename_speaker(session, "m", "Speaker 2", "Maya", None, "me")
    end(rig, worker, listener)
    assert {each.speaker for each in segments(rig)} == {"Maya"}
    with rig.database.read() as session:
        assert people_of(session, "m").roots == [1]


def test_a_named_person_stays_when_two_turn_out_to_be_one(rig: WorkerRig, voices: VoiceEngine, speech: Samples) -> None:
    listener, worker = new_listener(rig, voices), rig.worker()
    track_id = rig.open_meeting(speakers="auto")
    stream(rig, track_id, speech, worker, listener)
    with rig.database.write() as session:
        rename_speaker(session, "m", "Speaker 2", "Tom", None, "me")
    _, tracker = listener.trackers.kept["m"]
    tracker.same[2] = 1  # as if later speech had shown it
    stream(rig, track_id, speech, worker, listener)
    with rig.database.read() as session:
        people = people_of(session, "m")
        assert (people.root(1), people.shown(1)) == (2, "Tom")


def test_a_room_on_a_named_track_has_people_and_somebody_on_two_tracks_is_one(
    rig: WorkerRig, listener: Listener, speech: Samples
) -> None:
    """Maya has a microphone of her own, and is heard in the room too, where Tom answers her."""
    room, worker = rig.open_meeting("m", "room", "maya", speakers="auto"), rig.worker()
    with rig.database.write() as session:
        for track in session.scalars(select(Track)):
            track.speaker, track.several = {"room": "Room 4", "maya": "Maya"}[track.name], True
    said = json.loads((SAMPLE / "segments.json").read_text())
    first = said[0]["speaker"]
    own = [turn for turn in said if turn["speaker"] == first and turn["end_s"] <= 60]
    mine = np.concatenate([sample_meeting(turn["start_s"], turn["end_s"]) for turn in own])
    stream(rig, "m-maya", mine, worker, listener)
    stream(rig, room, speech, worker, listener)
    end(rig, worker, listener)
    with rig.database.read() as session:
        people = people_of(session, "m")
        shown = [people.shown(number) for number in people.roots]
    assert shown == ["Maya", "Speaker 2"]
    assert {each.speaker for each in segments(rig) if each.track_id == "m-maya"} == {"Maya"}
    assert {each.speaker for each in segments(rig) if each.track_id == room} == {"Maya", "Speaker 2"}


def test_words_that_come_after_their_voices_have_their_speaker_at_once(
    rig: WorkerRig, listener: Listener, speech: Samples
) -> None:
    track_id = rig.open_meeting(speakers="auto")
    rig.append(track_id, speech)
    hear_all(listener)
    with rig.database.read() as session:
        heard = session.get_one(Track, track_id).heard_sample or 0
    rig.worker().step(0)  # The listener does nothing more.
    known = [each for each in segments(rig) if each.end_sample <= heard]
    assert {each.speaker for each in known} == {"Speaker 1", "Speaker 2"}
    assert {each.speaker_from for each in known} == {SpeakerSource.VOICE}


def test_the_number_of_speakers_is_kept(rig: WorkerRig, listener: Listener, speech: Samples) -> None:
    track_id, worker = rig.open_meeting(speakers="1"), rig.worker()
    stream(rig, track_id, speech, worker, listener)
    end(rig, worker, listener)
    assert {each.speaker for each in segments(rig)} == {"Speaker 1"}


def test_silence_has_nobody(rig: WorkerRig, listener: Listener, speech: Samples) -> None:
    track_id, worker = rig.open_meeting(speakers="auto"), rig.worker()
    stream(rig, track_id, speech * 0, worker, listener)
    end(rig, worker, listener)
    assert rig.state() == MeetingState.SUMMARIZING
    assert units(rig) == []


def test_a_meeting_without_audio_ends(rig: WorkerRig, listener: Listener) -> None:
    rig.open_meeting(speakers="auto")
    end(rig, rig.worker(), listener)
    assert rig.state() == MeetingState.SUMMARIZING


def test_audio_that_the_producer_lost_is_no_voice(rig: WorkerRig, listener: Listener, speech: Samples) -> None:
    track_id, worker = rig.open_meeting(speakers="auto"), rig.worker()
    rig.append(track_id, speech[: samples_of_s(8)])
    rig.mailbox.skip(track_id, samples_of_s(30))
    rig.append(track_id, speech[samples_of_s(8) :], samples_of_s(30))
    end(rig, worker, listener)
    gap = samples_of_s(8.5), samples_of_s(29.5)
    assert not [unit for unit in units(rig) if unit[0] < gap[1] and unit[1] > gap[0]]
    assert {each.speaker for each in segments(rig)} == {"Speaker 1", "Speaker 2"}


def test_a_listener_who_was_away_too_long_says_what_it_missed(
    rig: WorkerRig, listener: Listener, speech: Samples
) -> None:
    track_id, worker = rig.open_meeting(speakers="auto"), rig.worker()
    for _ in range(6):
        rig.append(track_id, speech)
        rig.run_until_idle(worker)
    end(rig, worker, listener)
    with rig.database.read() as session:
        track = session.get_one(Track, track_id)
    ((first, missed, _),) = track.unheard
    assert first == 0
    assert 0 < missed < track.heard_sample
    assert rig.state() == MeetingState.SUMMARIZING
    assert rig.coverage_kinds() <= {"transcribed", "silent"}


def test_a_meeting_waits_for_its_listener_while_the_queue_is_paused(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(speakers="auto"), speech)
    rig.finish()
    rig.run_until_idle()
    rig.sweeper().run()
    pause_queue(rig.redis, queues.SPEAKERS_QUEUE)
    rig.redis.decrby(MISSED_KEY, ABSENT_AFTER_S)
    for _ in range(2):
        rig.sweeper().run()
    assert rig.state() == MeetingState.DRAINING
    resume_queue(rig.redis, queues.SPEAKERS_QUEUE)
    for _ in range(2):
        rig.sweeper().run()
    assert rig.state() == MeetingState.DRAINING  # the listener gets its time to come back


@pytest.mark.parametrize("kind", TrackKind)
def test_a_meeting_goes_on_without_a_listener(rig: WorkerRig, speech: Samples, kind: TrackKind) -> None:
    track_id = rig.open_meeting(speakers="auto", kind=kind)
    rig.append(track_id, speech)
    rig.finish()
    rig.run_until_idle()
    rig.sweeper().run()
    assert rig.state() == MeetingState.DRAINING  # the listener may still be starting
    rig.redis.decrby(MISSED_KEY, ABSENT_AFTER_S)
    rig.sweeper().run()
    rig.sweeper().run()
    assert rig.state() == MeetingState.SUMMARIZING
    with rig.database.read() as session:
        assert session.get_one(Track, track_id).unheard == [[0, len(speech), NO_LISTENER]]


def test_a_deleted_meeting_leaves_no_voices(rig: WorkerRig, listener: Listener, speech: Samples) -> None:
    track_id, worker = rig.open_meeting(speakers="auto"), rig.worker()
    stream(rig, track_id, speech, worker, listener)
    rig.append(track_id, speech)
    claim = rig.mailbox.listen(0, 20_000)
    assert claim is not None
    delete_meeting(rig.stores, "m")
    listener._work(claim)  # deleted while it runs
    with rig.database.read() as session:
        assert [*session.scalars(select(VoiceUnit)), *session.scalars(select(Person))] == []


def test_labels_survive_another_model(rig: WorkerRig, voices: VoiceEngine, speech: Samples) -> None:
    listener, worker = new_listener(rig, voices), rig.worker()
    track_id = rig.open_meeting(speakers="auto")
    stream(rig, track_id, speech, worker, listener)
    before = lines(rig)
    with rig.database.write() as session:
        session.execute(update(VoiceUnit).values(model="another"))
    newer = new_listener(rig, voices)
    stream(rig, track_id, speech, worker, newer)
    end(rig, worker, newer)
    assert lines(rig)[: len(before) - 1] == before[:-1]
    people = {person for *_, person in units(rig)}
    assert len(people) == 4  # voices of different models are never compared


def test_a_unit_without_its_row_is_heard_again(rig: WorkerRig, voices: VoiceEngine, speech: Samples) -> None:
    """A restored backup of the database is behind Redis. The listener goes on from what SQL says."""
    listener, worker = new_listener(rig, voices), rig.worker()
    track_id = rig.open_meeting(speakers="auto")
    rig.append(track_id, speech)
    hear_all(listener)
    expected = units(rig)
    with rig.database.write() as session:
        session.execute(delete(VoiceUnit))
        session.execute(update(Track).values(heard_sample=0))
    again = new_listener(rig, voices)
    rig.append(track_id, speech)
    rig.pass_time(1000)
    hear_all(again)
    end(rig, worker, again)
    assert set(expected) <= {(first, last, person) for first, last, person in units(rig)}
