"""What people said beforehand reaches the writer, the headings and the spelling of the minutes."""

from __future__ import annotations

from schema.minutes.briefing import Briefing
from tests.workers.summarize.chat.test_writer import Answers, change, note
from tests.workers.summarize.conftest import meeting
from workers.summarize.briefing import briefed
from workers.summarize.chat.writer import ChatWriter
from workers.summarize.notes import note_of
from workers.summarize.views import minutes_of_notes
from workers.summarize.writing.rules import RulesWriter

SAID = meeting("Mia: Pria, can you order the screws from north wind tomorrow?", "Pria: Sure, I will order them.")
BRIEFING = Briefing(participants=["Priya Sharma"], agenda=["Catering", "Order of screws"], vocabulary=["NorthWind"])


def test_a_note_quotes_names_and_terms_as_they_were_given() -> None:
    said = note_of(SAID, RulesWriter(), language="en", briefing=BRIEFING)
    texts = " ".join(each.text for each in said.changes)
    assert "Priya" in texts
    assert "Pria" not in texts


def test_a_chat_writer_is_told_names_terms_and_agenda_and_rules_for_them_only_if_there_are_any() -> None:
    told, plain = Answers(note()), Answers(note())
    note_of(SAID, ChatWriter(told, RulesWriter()), language="en", briefing=BRIEFING)
    note_of(SAID, ChatWriter(plain, RulesWriter()), language="en")
    rules, shown = (message.content for message in told.asked[0])
    assert "word for word" in rules
    assert "Participants: Priya Sharma\nTerms: NorthWind\nAgenda: Catering; Order of screws\n" in shown
    assert "Mia: Priya, can you order the screws from NorthWind tomorrow?" in shown
    assert "word for word" not in plain.asked[0][0].content
    assert "Agenda" not in plain.asked[0][1].content


def test_a_chat_writer_that_spells_a_name_as_given_is_supported_by_lines_that_heard_it_otherwise() -> None:
    model = Answers(note(change(text="Priya orders the screws from NorthWind.", owner="Priya", lines=[1])))
    [task] = note_of(SAID, ChatWriter(model, RulesWriter()), language="en", briefing=BRIEFING).changes
    assert task.supported


def test_names_given_after_the_notes_were_written_are_spelled_in_the_minutes() -> None:
    notes = [note_of(SAID, RulesWriter(), language="en")]
    minutes = briefed(minutes_of_notes(notes, "en"), notes, BRIEFING, "en")
    assert [action.owner for action in minutes.actions] == ["Priya"]


def test_a_chapter_is_headed_by_the_point_of_the_agenda_that_it_treats() -> None:
    said = [*SAID, *meeting("Mia: The screws have become dear, they cost ninety euros.")]
    notes = [note_of(said, RulesWriter(), language="en")]
    written = minutes_of_notes(notes, "en")
    assert [each.title for each in briefed(written, notes, BRIEFING, "en").chapters] == ["Order of screws"]
    other = Briefing(agenda=["Catering", "Rooms"])
    assert briefed(written, notes, other, "en").chapters == written.chapters
