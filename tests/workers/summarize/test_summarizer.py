"""The summariser's step on a real database with the real model: every row once, whoever runs and however often."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import select

from schema.core.database import Database
from schema.core.errors import MailboxMissing
from schema.core.states import MeetingState, SummaryKind
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.minutes import MINUTES, Minutes
from schema.meetings.tables import Note, Segment, Summary
from tests.workers.script import A_FEW, SAID, end, write_down
from tests.workers.studio import Studio
from workers.summarize.writing.model import TextModel

pytestmark = pytest.mark.model


def minutes(studio: Studio, kind: SummaryKind) -> list[Minutes]:
    with studio.database.read() as session:
        rows = session.scalars(select(Summary).where(Summary.kind == kind).order_by(Summary.version)).all()
    return [MINUTES.validate_python(row.body) for row in rows]


def notes(studio: Studio) -> list[int]:
    """How many segments each note of a window holds, in order."""
    with studio.database.read() as session:
        keys = session.scalars(select(Note.id).where(Note.level == 0).order_by(Note.ordinal)).all()
        held = session.scalars(select(Segment.note_id)).all()
    return [held.count(key) for key in keys]


def rows(database: Database) -> list[tuple[str, int, int]]:
    """What a summariser writes, to compare before and after."""
    with database.read() as session:
        notes = session.scalars(select(Note).order_by(Note.id)).all()
        summaries = session.scalars(select(Summary).order_by(Summary.id)).all()
    return [
        *(("note", note.id, note.seq) for note in notes),
        *((summary.kind, summary.id, summary.seq) for summary in summaries),
    ]


class Interrupted(TextModel):
    """The real model; something happens elsewhere while it writes for the first time."""

    def __init__(self, model: TextModel, meanwhile: Callable[[], None]) -> None:
        self.__dict__.update(model.__dict__)
        self.meanwhile: Callable[[], None] | None = meanwhile

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        *,
        prefix: str = "",
        stop: Sequence[str] = ("\n",),
        only: str = "",
        lines_once: bool = False,
    ) -> list[str]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().generate(prompts, max_new_tokens, prefix=prefix, stop=stop, only=only, lines_once=lines_once)


@pytest.fixture
def room(studio: Studio) -> Studio:
    """A studio with a live meeting `m`."""
    studio.open_meeting()
    return studio


def test_rolling_minutes_follow_the_words_and_a_second_run_changes_nothing(room: Studio, gemma: TextModel) -> None:
    write_down(room, A_FEW)
    room.summarizer(gemma).run("m")
    (rolling,) = minutes(room, SummaryKind.ROLLING)
    assert rolling.overview
    before = rows(room.database)
    room.summarizer(gemma).run("m")
    assert rows(room.database) == before


def test_a_few_words_are_not_worth_a_version(room: Studio, gemma: TextModel) -> None:
    write_down(room, SAID[:1])
    room.summarizer(gemma).run("m")
    assert rows(room.database) == []


def test_a_full_window_becomes_a_note_while_the_meeting_goes_on(room: Studio, gemma: TextModel) -> None:
    write_down(room, SAID)
    room.summarizer(gemma).run("m")
    assert len(notes(room)) == 1
    assert len(minutes(room, SummaryKind.ROLLING)) == 1
    assert room.state() == MeetingState.LIVE


def test_final_minutes_are_written_once_and_name_date_and_owners(room: Studio, gemma: TextModel) -> None:
    write_down(room, SAID)
    end(room)
    room.summarizer(gemma).run("m")
    (final,) = minutes(room, SummaryKind.FINAL)
    assert "Monday, the ninth" in " ".join(decision.text for decision in final.decisions)
    assert {"Tom", "Priya", "Leo"} <= {action.owner for action in final.actions}
    assert sum(notes(room)) == room.count(Segment)
    assert room.state() == MeetingState.FINISHED
    with pytest.raises(MailboxMissing):
        room.mailbox.status("m-main")
    before = rows(room.database)
    room.summarizer(gemma).run("m")
    assert rows(room.database) == before


def test_a_meeting_in_which_nobody_spoke_is_finished_all_the_same(room: Studio, gemma: TextModel) -> None:
    end(room)
    room.summarizer(gemma).run("m")
    assert minutes(room, SummaryKind.FINAL) == [Minutes()]
    assert room.state() == MeetingState.FINISHED


def test_a_meeting_that_another_worker_is_at_is_left_to_it(room: Studio, gemma: TextModel) -> None:
    write_down(room, A_FEW)
    end(room)
    seen: list[list[tuple[str, int, int]]] = []

    def other() -> None:
        room.summarizer(gemma, "second").run("m")
        seen.append(rows(room.database))

    room.summarizer(Interrupted(gemma, other)).run("m")
    assert seen == [[]]
    assert len(minutes(room, SummaryKind.FINAL)) == 1


def test_two_workers_at_one_meeting_write_everything_once(room: Studio, gemma: TextModel) -> None:
    write_down(room, A_FEW)
    end(room)

    def other() -> None:
        room.redis.flushdb()
        room.summarizer(gemma, "second").run("m")

    room.summarizer(Interrupted(gemma, other)).run("m")
    assert notes(room) == [room.count(Segment)]
    assert len(minutes(room, SummaryKind.FINAL)) == 1
    assert room.state() == MeetingState.FINISHED


def test_a_meeting_deleted_while_its_note_is_written_leaves_nothing_behind(room: Studio, gemma: TextModel) -> None:
    write_down(room, A_FEW)
    end(room)

    def deleted() -> None:
        delete_meeting(room.stores, "m")

    room.summarizer(Interrupted(gemma, deleted)).run("m")
    assert rows(room.database) == []
    assert room.state() == MeetingState.DELETED
