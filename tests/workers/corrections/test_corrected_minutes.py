"""Minutes after a correction: dependent notes are rewritten once, in spite of crashes and further corrections."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from schema.core import queues
from schema.core.database import Database
from schema.core.states import MeetingState, SummaryKind
from schema.corrections.segments import correct, quiet_key
from schema.corrections.sentences import correct_sentence
from schema.meetings.tables import Meeting, Note, Segment, Summary
from schema.meetings.versions import redo_minutes
from schema.minutes.briefing import Briefing
from schema.minutes.minutes import MINUTES, Minutes, named
from schema.webhooks.outbox import Delivery
from tests.crash import SimulatedCrash
from tests.workers.sample_transcript import FIRST_TURNS, TURNS, commit_turns, end_meeting
from tests.workers.summarize.test_summarizer import InterruptedTextModel, minutes, rows
from tests.workers.webhooks.conftest import add_webhook
from tests.workers.worker_rig import WorkerRig
from workers.summarize.hold import hold_key
from workers.summarize.writing.model import TextModel

pytestmark = pytest.mark.model
HEARD, MEANT = "Monday, the ninth", "Friday, the twentieth"
DATE = TURNS[10:14]
"""The turns in which the date is agreed."""


def crash() -> None:
    raise SimulatedCrash


def correct_date(rig: WorkerRig) -> None:
    """Correct the agreed date to another one."""
    with rig.database.write() as session:
        segments = session.scalars(select(Segment).where(Segment.text.contains(HEARD))).all()
        assert segments
        for segment in segments:
            correct(session, "m", segment.id, {"text": segment.text.replace(HEARD, MEANT)}, "local")


def correct_last(rig: WorkerRig, text: str = "Goodbye.") -> None:
    with rig.database.write() as session:
        last = session.scalars(select(Segment).order_by(Segment.id.desc()).limit(1)).one()
        correct(session, "m", last.id, {"text": text}, "local")


def is_revising(rig: WorkerRig) -> bool:
    with rig.database.read() as session:
        return session.get_one(Meeting, "m").revised_seq is not None


def announced_events(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Delivery.event).order_by(Delivery.id)))


def decisions_of(found: Minutes) -> str:
    return " ".join(decision.text for decision in found.decisions)


@pytest.fixture
def finished(rig: WorkerRig, gemma: TextModel) -> WorkerRig:
    """A rig with a finished meeting `m` that has its final minutes."""
    rig.open_meeting()
    commit_turns(rig, DATE)
    add_webhook(rig.database, "https://example.com")
    end_meeting(rig)
    rig.summarizer(gemma).run("m")
    assert rig.state() == MeetingState.FINISHED
    return rig


def test_a_correction_makes_a_second_version_of_the_final_minutes(finished: WorkerRig, gemma: TextModel) -> None:
    correct_date(finished)
    finished.summarizer(gemma).run("m")
    first, second = minutes(finished, SummaryKind.FINAL)
    assert HEARD in decisions_of(first)
    assert MEANT in decisions_of(second)
    assert HEARD not in MINUTES.dump_json(second).decode()
    assert finished.state() == MeetingState.FINISHED
    assert announced_events(finished.database) == ["minutes.final", "meeting.finished", "minutes.final"]
    unchanged = rows(finished.database)
    finished.summarizer(gemma).run("m")
    assert rows(finished.database) == unchanged
    assert not is_revising(finished)


def test_only_the_note_of_a_corrected_segment_is_rewritten(rig: WorkerRig, gemma: TextModel) -> None:
    rig.open_meeting()
    commit_turns(rig, TURNS)
    end_meeting(rig)
    rig.summarizer(gemma).run("m")
    before = note_seqs(rig)
    correct_last(rig)
    rig.summarizer(gemma).run("m")
    after = note_seqs(rig)
    with rig.database.read() as session:
        corrected = session.scalars(select(Segment.note_id).where(Segment.corrected)).one()
    assert len(before) > 1
    assert {key for key in after if after[key] != before[key]} == {corrected}
    assert len(minutes(rig, SummaryKind.FINAL)) == 2


def note_seqs(rig: WorkerRig) -> dict[int, int]:
    """The `seq` of every note by its id."""
    with rig.database.read() as session:
        return {note.id: note.seq for note in session.scalars(select(Note))}


def test_new_minutes_are_written_once_after_their_worker_died(finished: WorkerRig, gemma: TextModel) -> None:
    correct_date(finished)
    with pytest.raises(SimulatedCrash):
        finished.summarizer(InterruptedTextModel(gemma, crash), "dying").run("m")
    assert is_revising(finished)
    finished.redis.delete(hold_key("m"))
    finished.sweeper().run()
    assert (queues.SUMMARIZE, ["m"]) in finished.sent
    for name in ("second", "third"):  # the message is delivered twice
        finished.summarizer(gemma, name).run("m")
    assert MEANT in decisions_of(minutes(finished, SummaryKind.FINAL)[1])
    assert len(minutes(finished, SummaryKind.FINAL)) == 2


def test_a_correction_made_while_minutes_are_written_is_in_them(rig: WorkerRig, gemma: TextModel) -> None:
    rig.open_meeting()
    commit_turns(rig, DATE)
    end_meeting(rig)
    rig.summarizer(InterruptedTextModel(gemma, lambda: correct_date(rig))).run("m")
    (final,) = minutes(rig, SummaryKind.FINAL)
    assert MEANT in decisions_of(final)
    assert HEARD not in MINUTES.dump_json(final).decode()
    assert not is_revising(rig)


def test_a_correction_made_while_a_note_is_rewritten_is_in_it(finished: WorkerRig, gemma: TextModel) -> None:
    correct_date(finished)
    finished.summarizer(
        InterruptedTextModel(gemma, lambda: correct_last(finished, "Sam books the room by Thursday."))
    ).run("m")
    final = minutes(finished, SummaryKind.FINAL)
    assert len(final) == 2
    assert "Sam" in {action.owner for action in final[-1].actions}


def test_a_correction_in_a_live_meeting_makes_new_rolling_minutes(rig: WorkerRig, gemma: TextModel) -> None:
    rig.open_meeting()
    commit_turns(rig, FIRST_TURNS)
    rig.summarizer(gemma).run("m")
    correct_last(rig, "Priya sends the invoices to Northwind by Thursday.")
    rig.summarizer(gemma).run("m")
    before, after = minutes(rig, SummaryKind.ROLLING)
    assert "Northwind" not in MINUTES.dump_json(before).decode()
    assert "Northwind" in MINUTES.dump_json(after).decode()
    assert not is_revising(rig)


def test_a_correction_before_there_are_minutes_makes_no_minutes(rig: WorkerRig, gemma: TextModel) -> None:
    rig.open_meeting()
    commit_turns(rig, TURNS[:1])
    correct_last(rig)
    rig.summarizer(gemma).run("m")
    assert rows(rig.database) == []
    assert not is_revising(rig)


def test_a_meeting_corrected_to_no_text_gets_empty_final_minutes(rig: WorkerRig, gemma: TextModel) -> None:
    rig.open_meeting()
    commit_turns(rig, TURNS[:1])
    with rig.database.write() as session:
        for segment in session.scalars(select(Segment)).all():
            correct(session, "m", segment.id, {"text": ""}, "local")
    end_meeting(rig)
    rig.summarizer(gemma).run("m")
    (final,) = minutes(rig, SummaryKind.FINAL)
    assert (final.overview, final.decisions, final.actions) == ((), (), ())
    assert rig.state() == MeetingState.FINISHED


def test_the_sweep_requests_minutes_after_the_quiet_period(finished: WorkerRig) -> None:
    correct_last(finished)
    finished.redis.set(quiet_key("m"), 1)
    finished.sweeper().run()
    assert finished.sent == []
    finished.redis.delete(quiet_key("m"))
    for _ in range(2):
        finished.sweeper().run()
    assert finished.sent == [(queues.SUMMARIZE, ["m"])]


def test_reprocessed_minutes_rewrite_every_note(finished: WorkerRig, gemma: TextModel) -> None:
    before = note_seqs(finished)
    with finished.database.write() as session:
        assert redo_minutes(session, "m", None, Briefing()) == 2
    finished.summarizer(gemma).run("m")
    assert len(minutes(finished, SummaryKind.FINAL)) == 2
    after = note_seqs(finished)
    assert all(after[key] > before[key] for key in before)
    with finished.database.read() as session:
        last = session.scalars(select(Summary).order_by(Summary.id.desc()).limit(1)).one()
        assert last.seq == session.get_one(Meeting, "m").seq
    assert not is_revising(finished)


def test_a_corrected_sentence_is_kept_in_new_minutes(finished: WorkerRig, gemma: TextModel) -> None:
    (first,) = minutes(finished, SummaryKind.FINAL)
    decision = named(first).decisions[0]
    better = f"{decision.text.rstrip('.')}, as Sam asked."
    with finished.database.write() as session:
        correct_sentence(session, "m", decision.id, {"text": better}, "local")
    before = note_seqs(finished)
    finished.summarizer(gemma).run("m")
    assert note_seqs(finished) == before  # no note was rewritten
    _, second = minutes(finished, SummaryKind.FINAL)
    assert (second.decisions[0].text, second.decisions[0].version) == (better, 2)
    assert second.decisions[0].support > 0
    assert not is_revising(finished)
    correct_date(finished)  # the decision rests on it
    finished.summarizer(gemma).run("m")
    third = minutes(finished, SummaryKind.FINAL)[-1]
    assert better in [each.text for each in third.decisions]
    assert not next(each for each in third.decisions if each.text == better).supported  # it names the old date
