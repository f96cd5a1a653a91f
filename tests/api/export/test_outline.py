"""Minutes as people read them: what changed, what was taken back, what is done, and each owner once."""

from __future__ import annotations

from datetime import UTC, datetime

from api.export.outline import MinutesLine, outline
from schema.minutes.ledger import ItemKind
from schema.minutes.minutes import Action, Chapter, Earlier, HeadedSection, Minutes, Sentence, Withdrawn
from schema.typed_notes.wire import TypedNoteOut


def start_s_of(segment: int) -> float:
    return 60.0 * segment


def lines(minutes: Minutes) -> dict[str, list[MinutesLine]]:
    return {section.heading: list(section.lines) for section in outline(minutes, start_s_of)}


def test_a_changed_decision_says_what_it_was() -> None:
    earlier = (Earlier("They meet on Tuesday.", evidence=(1,)),)
    [line] = lines(Minutes(decisions=(Sentence("They meet on Friday.", (1, 9), 0.9, True, earlier=earlier),)))[
        "Decisions"
    ]
    assert (line.text, line.note) == ("They meet on Friday.", "(before: They meet on Tuesday; 1:00, 9:00)")


def test_the_tasks_of_a_person_stand_together_and_name_the_person_once() -> None:
    actions = (
        Action("Ben calls the printer.", "Ben", None, (1,), 0.9, True),
        Action("Book a room.", None, None, (2,), 0.9, True),
        Action("Order paper.", "Zoe", "Friday", (3,), 0.9, True),
        Action("Ben pays.", "Ben", None, (4,), 0.2, False, done=True),
    )
    found = lines(Minutes(actions=actions))["Actions"]
    assert [(line.owner, line.colon, line.text) for line in found] == [
        ("Ben", False, "calls the printer."),
        ("Ben", False, "pays."),
        ("Zoe", True, "Order paper."),
        ("nobody named", True, "Book a room."),
    ]
    assert [line.note for line in found[1:3]] == ["(done; 4:00)", "(due: Friday; 3:00)"]
    assert [line.supported for line in found] == [True, False, True, True]


def test_a_task_that_was_handed_over_names_who_had_it_and_one_that_was_moved_its_time() -> None:
    handed = Action("Call.", "Zoe", "Friday", earlier=(Earlier("Call.", "Ben", "Friday"),), supported=True)
    moved = Action("Call.", "Zoe", "Monday", earlier=(Earlier("Call.", "Zoe", None),), supported=True)
    found = lines(Minutes(actions=(handed, moved)))["Actions"]
    assert [line.note for line in found] == ["(due: Friday; before: Ben)", "(due: Monday; before: no time)"]


def test_questions_and_what_was_taken_back_have_sections_of_their_own() -> None:
    found = lines(
        Minutes(
            questions=(Sentence("Who pays?", (2,), 0.9, True),),
            withdrawn=(Withdrawn(ItemKind.DECISION, "They buy screws.", None, (1,), (8,)),),
        )
    )
    assert [line.text for line in found["Open questions"]] == ["Who pays?"]
    [gone] = found["Withdrawn"]
    assert (gone.text, gone.note) == ("They buy screws.", "(1:00; taken back at 8:00)")


def test_a_typed_note_stands_with_its_person_and_its_moment_before_the_chapters() -> None:
    minutes = Minutes(chapters=(Chapter("Budget", 0, 16_000, (Sentence("It grows.", (1,), 0.9, True),)),))
    typed = TypedNoteOut(
        id=1,
        at_s=62,
        text="ask Leo",
        person="Mia",
        author="local",
        version=1,
        created_at=datetime(2026, 3, 2, tzinfo=UTC),
    )
    section, _ = outline(minutes, start_s_of, [typed])
    assert (section.heading, section.lines) == (
        "Typed notes",
        (MinutesLine("ask Leo", "Mia", colon=True, note="(1:02)"),),
    )


def test_what_a_person_removed_and_empty_sections_are_left_out() -> None:
    assert outline(Minutes(decisions=(Sentence(""),)), start_s_of) == []


def test_the_sections_of_a_template_come_in_its_order_and_no_kind_is_lost() -> None:
    minutes = Minutes(
        decisions=(Sentence("They meet on Friday.", (1,), 0.9, True),),
        actions=(Action("Call.", "Zoe", None, (1,), 0.9, True),),
        sections=(
            HeadedSection("Next", ItemKind.ACTION),
            HeadedSection("Blocked", None, (Sentence("The server is down.", (2,), 0.9, True),)),
            HeadedSection("Done"),
        ),
    )
    found = lines(minutes)
    assert list(found) == ["Next", "Blocked", "Decisions"]
    assert [line.text for line in found["Next"]] == ["Call."]
    assert [line.text for line in found["Blocked"]] == ["The server is down."]
