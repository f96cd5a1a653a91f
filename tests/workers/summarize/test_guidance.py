"""What people type guides what the minutes keep."""

from __future__ import annotations

from dataclasses import replace

from schema.core.units import samples_of_s
from schema.minutes.ledger import Change
from schema.minutes.note import NoteBody
from tests.workers.summarize.chat.test_writer import Answers, change, note
from tests.workers.summarize.conftest import meeting
from workers.summarize.chat.writer import ChatWriter
from workers.summarize.guidance import TypedLine, typed_near
from workers.summarize.notes import note_of
from workers.summarize.writing.rules import RulesWriter

SAID = meeting(
    "Mia: Ben, can you call the printer tomorrow?",
    "Ben: Sure, I will call the printer.",
    "Mia: By the way, the cellar has water in it again.",
)


def guided(text: str, *answers: str) -> tuple[NoteBody, Answers]:
    model = Answers(*answers)
    writer = ChatWriter(model, RulesWriter())
    return note_of(SAID, writer, language="en", typed=[TypedLine(SAID[0].first_sample, text)]), model


def texts(changes: tuple[Change, ...]) -> list[str]:
    return [each.text for each in changes]


def test_what_a_typed_note_is_about_is_kept_although_the_writer_left_it_out() -> None:
    written, _ = guided("water in cellar!", note(change()))
    assert texts(written.changes) == ["Ben calls the printer.", "By the way, the cellar has water in it again."]
    assert written.changes[1].evidence == (3,)
    assert written.changes[1].supported


def test_what_the_writer_says_of_a_typed_note_is_kept_once() -> None:
    point = change(kind="point", text="The cellar has water in it again.", owner=None, due=None, lines=[3])
    written, _ = guided("water in cellar", note(point))
    assert texts(written.changes) == ["The cellar has water in it again."]


def test_a_typed_note_that_nobody_speaks_of_adds_nothing() -> None:
    written, _ = guided("buy milk", note(change()))
    assert texts(written.changes) == ["Ben calls the printer."]


def test_a_chat_writer_is_shown_the_notes_that_were_typed_during_its_lines() -> None:
    _, model = guided("water in cellar", note(change()))
    rules, shown = (message.content for message in model.asked[0])
    assert "A note is no line" in rules
    assert "Typed notes:\n- water in cellar\n\nLines:" in shown


def test_a_note_typed_half_a_minute_late_belongs_to_the_passage() -> None:
    end = max(each.end_sample for each in SAID)
    late = [TypedLine(end + samples_of_s(s), text) for s, text in ((29, "near"), (31, "far"))]
    assert typed_near(late, SAID) == ("near",)
    assert typed_near([replace(late[0], at_sample=0)], SAID) == ("near",)
