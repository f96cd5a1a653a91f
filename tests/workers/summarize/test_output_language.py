"""Minutes in another language than the meeting's: chat models write them, other writers cannot and say so."""

from __future__ import annotations

import pytest

from schema.minutes.briefing import Briefing
from schema.minutes.minutes import Minutes
from tests.workers.summarize.chat.test_writer import SAID, Answers, change, note
from workers.summarize.chat.model import ChatUnavailable
from workers.summarize.chat.writer import ChatWriter
from workers.summarize.notes import note_of
from workers.summarize.output_language import in_wanted_language, written_language
from workers.summarize.views import minutes_of_notes
from workers.summarize.writing.rules import RulesWriter

GERMAN = Briefing(minutes_language="de")
POINT = {"kind": "point", "owner": None, "due": None, "lines": [3]}


def test_a_chat_model_is_asked_for_the_language_and_its_numbers_are_checked() -> None:
    model = Answers(
        note(
            change(**POINT, text="Die Flugblätter kosten 90 Euro."), change(**POINT, text="Das Papier kostet 80 Euro.")
        )
    )
    written = note_of(SAID, ChatWriter(model, RulesWriter()), language="en", briefing=GERMAN)
    assert "in German" in model.asked[0][0].content
    assert written.language == "de"
    assert [each.supported for each in written.changes] == [True, False]
    minutes = in_wanted_language(minutes_of_notes([written], "de"), [written], GERMAN, "en")
    assert (minutes.language, minutes.wanted_language) == ("de", None)


@pytest.mark.parametrize(
    "writer", [RulesWriter(), ChatWriter(Answers(ChatUnavailable("the endpoint is away")), RulesWriter())]
)
def test_minutes_of_a_writer_that_cannot_translate_name_the_language_that_was_asked_for(
    writer: RulesWriter | ChatWriter,
) -> None:
    written = note_of(SAID, writer, language="en", briefing=GERMAN)
    minutes = in_wanted_language(minutes_of_notes([written], "en"), [written], GERMAN, "en")
    assert (minutes.language, minutes.wanted_language) == (None, "de")


def test_minutes_that_are_german_in_part_are_not_german() -> None:
    german = note_of(
        SAID, ChatWriter(Answers(note(change(text="Ben ruft an."))), RulesWriter()), language="en", briefing=GERMAN
    )
    english = note_of(SAID, RulesWriter(), language="en", briefing=GERMAN)
    assert written_language([german], "en") == "de"
    assert written_language([german, english], "en") == "en"
    assert in_wanted_language(Minutes(), [german, english], GERMAN, "en").wanted_language == "de"


def test_a_meeting_in_the_language_that_was_asked_for_needs_no_translation() -> None:
    written = note_of(SAID, RulesWriter(), language="en", briefing=Briefing(minutes_language="en"))
    minutes = in_wanted_language(Minutes(), [written], Briefing(minutes_language="en"), "en")
    assert (minutes.language, minutes.wanted_language) == ("en", None)


def test_minutes_for_which_no_language_was_asked_name_none() -> None:
    written = note_of(SAID, RulesWriter(), language="en")
    assert in_wanted_language(Minutes(), [written], Briefing(), "en") == Minutes()
