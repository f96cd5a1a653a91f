"""Minutes after a correction: what rests on it is made again, once, whoever dies or corrects in between."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from schema.core import queues
from schema.core.database import Database
from schema.core.states import MeetingState, SummaryKind
from schema.corrections.segments import correct, quiet_key
from schema.corrections.sentences import correct_sentence
from schema.meetings.minutes import MINUTES, Minutes, named
from schema.meetings.tables import Meeting, Note, Segment, Summary
from schema.meetings.versions import redo_minutes
from schema.webhooks.outbox import Delivery
from tests.workers.script import A_FEW, SAID, end, write_down
from tests.workers.studio import Studio
from tests.workers.summarize.test_summarizer import Interrupted, minutes, rows
from tests.workers.webhooks.outbox import add_webhook
from workers.summarize.summarizer import hold_key
from workers.summarize.writing.model import TextModel

pytestmark = pytest.mark.model
HEARD, MEANT = "Monday, the ninth", "Friday, the twentieth"
DATE = SAID[10:14]
"""In which the date is agreed on."""


class Crash(BaseException):
    """The worker is gone."""


def crash() -> None:
    raise Crash


def correct_date(studio: Studio) -> None:
    """The date that was agreed on was another."""
    with studio.database.write() as session:
        said = session.scalars(select(Segment).where(Segment.text.contains(HEARD))).all()
        assert said
        for segment in said:
            correct(session, "m", segment.id, {"text": segment.text.replace(HEARD, MEANT)}, "local")


def correct_last(studio: Studio, text: str = "Goodbye.") -> None:
    with studio.database.write() as session:
        last = session.scalars(select(Segment).order_by(Segment.id.desc()).limit(1)).one()
        correct(session, "m", last.id, {"text": text}, "local")


def revised(studio: Studio) -> bool:
    with studio.database.read() as session:
        return session.get_one(Meeting, "m").revised_seq is not None


def told(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Delivery.event).order_by(Delivery.id)))


def decided(found: Minutes) -> str:
    return " ".join(decision.text for decision in found.decisions)


@pytest.fixture
def finished(studio: Studio, gemma: TextModel) -> Studio:
    """A studio with a meeting `m` that has its final minutes."""
    studio.open_meeting()
    write_down(studio, DATE)
    add_webhook(studio.database, "https://example.com")
    end(studio)
    studio.summarizer(gemma).run("m")
    assert studio.state() == MeetingState.FINISHED
    return studio


def test_final_minutes_of_a_corrected_meeting_stand_beside_the_first(finished: Studio, gemma: TextModel) -> None:
    correct_date(finished)
    finished.summarizer(gemma).run("m")
    first, second = minutes(finished, SummaryKind.FINAL)
    assert HEARD in decided(first)
    assert MEANT in decided(second)
    assert HEARD not in MINUTES.dump_json(second).decode()
    assert finished.state() == MeetingState.FINISHED
    assert told(finished.database) == ["minutes.final", "meeting.finished", "minutes.final"]
    unchanged = rows(finished.database)
    finished.summarizer(gemma).run("m")
    assert rows(finished.database) == unchanged
    assert not revised(finished)


def test_only_notes_that_rest_on_what_was_corrected_are_written_again(studio: Studio, gemma: TextModel) -> None:
    studio.open_meeting()
    write_down(studio, SAID)
    end(studio)
    studio.summarizer(gemma).run("m")
    before = numbers(studio)
    correct_last(studio)
    studio.summarizer(gemma).run("m")
    after = numbers(studio)
    with studio.database.read() as session:
        corrected = session.scalars(select(Segment.note_id).where(Segment.corrected)).one()
    assert len(before) > 1
    assert {key for key in after if after[key] != before[key]} == {corrected}
    assert len(minutes(studio, SummaryKind.FINAL)) == 2


def numbers(studio: Studio) -> dict[int, int]:
    """The `seq` of every note."""
    with studio.database.read() as session:
        return {note.id: note.seq for note in session.scalars(select(Note))}


def test_a_worker_that_dies_over_new_minutes_is_made_up_for(finished: Studio, gemma: TextModel) -> None:
    correct_date(finished)
    with pytest.raises(Crash):
        finished.summarizer(Interrupted(gemma, crash), "dying").run("m")
    assert revised(finished)
    finished.redis.delete(hold_key("m"))
    finished.sweeper().run()
    assert (queues.SUMMARIZE, ["m"]) in finished.sent
    for name in ("second", "third"):  # the message comes twice
        finished.summarizer(gemma, name).run("m")
    assert MEANT in decided(minutes(finished, SummaryKind.FINAL)[1])
    assert len(minutes(finished, SummaryKind.FINAL)) == 2


def test_what_is_corrected_while_minutes_are_written_is_in_them(studio: Studio, gemma: TextModel) -> None:
    studio.open_meeting()
    write_down(studio, DATE)
    end(studio)
    studio.summarizer(Interrupted(gemma, lambda: correct_date(studio))).run("m")
    (final,) = minutes(studio, SummaryKind.FINAL)
    assert MEANT in decided(final)
    assert HEARD not in MINUTES.dump_json(final).decode()
    assert not revised(studio)


def test_what_is_corrected_while_a_note_is_written_again_is_in_it(finished: Studio, gemma: TextModel) -> None:
    correct_date(finished)
    finished.summarizer(Interrupted(gemma, lambda: correct_last(finished, "Sam books the room by Thursday."))).run("m")
    final = minutes(finished, SummaryKind.FINAL)
    assert len(final) == 2
    assert "Sam" in {action.owner for action in final[-1].actions}


def test_rolling_minutes_follow_a_correction_while_the_meeting_goes_on(studio: Studio, gemma: TextModel) -> None:
    studio.open_meeting()
    write_down(studio, A_FEW)
    studio.summarizer(gemma).run("m")
    correct_last(studio, "Priya sends the invoices to Northwind by Thursday.")
    studio.summarizer(gemma).run("m")
    before, after = minutes(studio, SummaryKind.ROLLING)
    assert "Northwind" not in MINUTES.dump_json(before).decode()
    assert "Northwind" in MINUTES.dump_json(after).decode()
    assert not revised(studio)


def test_a_correction_before_there_are_minutes_makes_none(studio: Studio, gemma: TextModel) -> None:
    studio.open_meeting()
    write_down(studio, SAID[:1])
    correct_last(studio)
    studio.summarizer(gemma).run("m")
    assert rows(studio.database) == []
    assert not revised(studio)


def test_minutes_of_a_meeting_in_which_nothing_was_said_after_all(studio: Studio, gemma: TextModel) -> None:
    studio.open_meeting()
    write_down(studio, SAID[:1])
    with studio.database.write() as session:
        for segment in session.scalars(select(Segment)).all():
            correct(session, "m", segment.id, {"text": ""}, "local")
    end(studio)
    studio.summarizer(gemma).run("m")
    (final,) = minutes(studio, SummaryKind.FINAL)
    assert (final.overview, final.decisions, final.actions) == ((), (), ())
    assert studio.state() == MeetingState.FINISHED


def test_the_sweep_asks_once_nobody_corrects_any_more(finished: Studio) -> None:
    correct_last(finished)
    finished.redis.set(quiet_key("m"), 1)
    finished.sweeper().run()
    assert finished.sent == []
    finished.redis.delete(quiet_key("m"))
    for _ in range(2):
        finished.sweeper().run()
    assert finished.sent == [(queues.SUMMARIZE, ["m"])]


def test_minutes_that_are_wanted_again_are_all_written_anew(finished: Studio, gemma: TextModel) -> None:
    before = numbers(finished)
    with finished.database.write() as session:
        assert redo_minutes(session, "m", None) == 2
    finished.summarizer(gemma).run("m")
    assert len(minutes(finished, SummaryKind.FINAL)) == 2
    after = numbers(finished)
    assert all(after[key] > before[key] for key in before)
    with finished.database.read() as session:
        last = session.scalars(select(Summary).order_by(Summary.id.desc()).limit(1)).one()
        assert last.seq == session.get_one(Meeting, "m").seq
    assert not revised(finished)


def test_notes_that_were_merged_follow_their_parts(studio: Studio, gemma: TextModel) -> None:
    # No model writes notes of a language for which the prompts have no examples.
    sentence = "Wir verschieben den Start der neuen Anlage auf Montag, weil das Budget noch nicht frei ist."
    studio.open_meeting()
    write_down(studio, [(10.0 * at, sentence) for at in range(1, 161)])
    studio.summarizer(gemma).run("m")
    with studio.database.write() as session:
        merged = session.scalars(select(Note).where(Note.level == 1).limit(1)).one()
        part = session.scalars(select(Note).where(Note.merged_into == merged.id).order_by(Note.id).limit(1)).one()
        for segment in session.scalars(select(Segment).where(Segment.note_id == part.id)).all():
            correct(session, "m", segment.id, {"text": "Wir eröffnen im März ein Büro in Lissabon."}, "local")
    studio.summarizer(gemma).run("m")
    with studio.database.read() as session:
        again = session.get_one(Note, merged.id)
        assert "Lissabon" in str(again.body)
        assert again.seq > session.get_one(Note, part.id).seq > merged.seq


def test_a_corrected_sentence_stays_when_minutes_are_made_again(finished: Studio, gemma: TextModel) -> None:
    (first,) = minutes(finished, SummaryKind.FINAL)
    decision = named(first).decisions[0]
    better = f"{decision.text.rstrip('.')}, as Sam asked."
    with finished.database.write() as session:
        correct_sentence(session, "m", decision.id, {"text": better}, "local")
    before = numbers(finished)
    finished.summarizer(gemma).run("m")
    assert numbers(finished) == before  # no note was written again
    _, second = minutes(finished, SummaryKind.FINAL)
    assert (second.decisions[0].text, second.decisions[0].version) == (better, 2)
    assert second.decisions[0].support > 0
    assert not revised(finished)
    correct_date(finished)  # on which that decision rests
    finished.summarizer(gemma).run("m")
    third = minutes(finished, SummaryKind.FINAL)[-1]
    assert better in [each.text for each in third.decisions]
    assert not next(each for each in third.decisions if each.text == better).supported  # it names the old date
