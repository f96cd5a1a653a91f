"""Minutes in the sections of a template, written by a chat model or by rules."""

from __future__ import annotations

import json
from typing import Any

from schema.minutes.minutes import HeadedSection, Minutes
from schema.minutes.note import NoteBody
from schema.templates.template import Template, load_templates
from tests.workers.summarize.chat.test_writer import SAID, Answers, change
from workers.summarize.chat.writer import ChatWriter
from workers.summarize.notes import note_of
from workers.summarize.sections import arranged
from workers.summarize.views import minutes_of_notes
from workers.summarize.writing.rules import RulesWriter

STAND_UP = load_templates(None)["stand-up"]
COST = {"kind": "point", "text": "The flyers cost ninety euros.", "owner": None, "due": None, "lines": [3]}


def sectioned(*changes: dict[str, Any]) -> str:
    return json.dumps({"title": "Flyers", "changes": [{"section": None, **each} for each in changes]})


def written(answer: str) -> tuple[NoteBody, Answers]:
    model = Answers(answer)
    return note_of(SAID, ChatWriter(model, RulesWriter()), language="en", template=STAND_UP), model


def by_heading(minutes: Minutes) -> dict[str, HeadedSection]:
    return {section.heading: section for section in minutes.sections}


def test_a_chat_model_is_told_tone_length_and_what_belongs_in_each_section() -> None:
    _, model = written(sectioned())
    rules = model.asked[0][0].content
    assert 'of the kind "Stand-up". Short and plain.' in rules
    assert "at most 4 points for these lines, and at most 15 words" in rules
    assert "  - Blocked: What keeps somebody from going on" in rules
    assert "Next" not in rules.partition("section is the section")[2]


def test_points_stand_in_the_section_that_the_model_named_and_leave_their_chapter() -> None:
    note, _ = written(sectioned(change(**COST, section="in PROGRESS"), change()))
    minutes = arranged(minutes_of_notes([note], "en"), [note], STAND_UP, "en")
    assert list(by_heading(minutes)) == ["Done", "In progress", "Blocked", "Next"]
    assert [each.text for each in by_heading(minutes)["In progress"].sentences] == ["The flyers cost ninety euros."]
    assert [each.text for chapter in minutes.chapters for each in chapter.sentences] == []
    assert [each.text for each in minutes.actions] == ["Ben calls the printer."]


def test_a_section_that_is_not_in_the_template_leaves_the_point_in_its_chapter() -> None:
    note, _ = written(sectioned(change(**COST, section="Gossip")))
    minutes = arranged(minutes_of_notes([note], "en"), [note], STAND_UP, "en")
    assert [each.text for chapter in minutes.chapters for each in chapter.sentences] == [
        "The flyers cost ninety euros."
    ]


def test_headings_are_in_the_language_of_the_minutes() -> None:
    note = note_of(SAID, RulesWriter(), language="en", template=STAND_UP)
    german = arranged(minutes_of_notes([note], "en"), [note], STAND_UP, "de")
    assert list(by_heading(german)) == ["Erledigt", "In Arbeit", "Blockiert", "Als Nächstes"]
    assert list(by_heading(arranged(Minutes(), [], STAND_UP, "sv"))) == ["Done", "In progress", "Blocked", "Next"]


def test_a_section_has_at_most_as_many_points_as_its_template_says() -> None:
    template = Template.model_validate(
        {"title": "A", "sections": [{"heading": {"en": "All"}, "holds": "All.", "limit": 1}]}
    )
    model = Answers(
        sectioned(
            change(**COST, section="All"),
            change(**{**COST, "text": "The printer opens tomorrow morning.", "lines": [1]}, section="All"),
        )
    )
    note = note_of(SAID, ChatWriter(model, RulesWriter()), language="en", template=template)
    [section] = arranged(minutes_of_notes([note], "en"), [note], template, "en").sections
    assert len(section.sentences) == 1


def test_without_sections_minutes_stay_as_they_are() -> None:
    note = note_of(SAID, RulesWriter(), language="en")
    minutes = minutes_of_notes([note], "en")
    assert arranged(minutes, [note], load_templates(None)["general"], "en") is minutes
