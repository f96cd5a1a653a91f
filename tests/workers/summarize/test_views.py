"""From windows to minutes: what repeats, what is overruled, what is taken back, and the cost of an update."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from schema.core.units import samples_of_s
from schema.minutes.ledger import ChangeKind, ItemKind, ledger
from schema.minutes.minutes import MINUTES, Action, Chapter, Earlier, Minutes, Sentence
from schema.minutes.note import NOTE, NoteBody
from tests.models import FOLDER
from tests.workers.summarize.conftest import meeting, one_track
from workers.summarize.final import minutes_of
from workers.summarize.notes import ITEMS_LIMIT, note_of, notes_of, open_items
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.views import CHAPTERS_LIMIT, minutes_of_notes, rolling_minutes, supported_only
from workers.summarize.writing.rules import RulesWriter
from workers.summarize.writing.trained import embedded_writer
from workers.summarize.writing.writer import Draft, NoteDraft, WindowTask


def by_rules(segments: list[SpokenSegment], language: str = "en") -> Minutes:
    return minutes_of(segments, RulesWriter(), language=language)


def sample(shared: Path) -> list[SpokenSegment]:
    records = json.loads((shared / "demo/segments.json").read_text())
    return [
        SpokenSegment(number, r["speaker"], samples_of_s(r["start_s"]), samples_of_s(r["end_s"]), r["text"])
        for number, r in enumerate(records, 1)
    ]


def assert_main_points(minutes: Minutes) -> None:
    decided = " ".join(decision.text for decision in minutes.decisions)
    assert "Monday, the ninth" in decided
    assert "the simple one for the pilot" in decided
    assert "up to five hundred euros" in decided
    assert "Thursday" not in decided
    tasks = {(action.owner, word) for action in minutes.actions for word in action.text.rstrip(".").split()}
    assert {
        ("Tom", "parser"),
        ("Tom", "backup"),
        ("Priya", "review"),
        ("Priya", "customers"),
        ("Leo", "newsletter"),
    } <= tasks
    dues = {(action.owner, action.due) for action in minutes.actions}
    assert {("Tom", "Wednesday evening"), ("Priya", "Thursday morning"), ("Priya", "Friday")} <= dues


@pytest.mark.parametrize("tracks", ["many", "one"])
def test_minutes_without_a_model_have_the_main_points_of_the_sample_meeting(shared: Path, tracks: str) -> None:
    segments = sample(shared)
    assert_main_points(by_rules(segments if tracks == "many" else one_track(segments)))


@pytest.mark.model
def test_minutes_by_the_embedded_writer_have_the_main_points_of_the_sample_meeting(shared: Path) -> None:
    minutes = minutes_of(sample(shared), embedded_writer("en", FOLDER), language="en")
    assert_main_points(minutes)
    assert all(sentence.supported and sentence.evidence for sentence in minutes.overview)


@pytest.mark.model
def test_minutes_of_one_track_by_the_embedded_writer_have_the_tasks(shared: Path) -> None:
    minutes = minutes_of(one_track(sample(shared)), embedded_writer("en", FOLDER), language="en")
    assert "We move the launch to Monday, the ninth." in {decision.text for decision in minutes.decisions}
    assert {("Tom", "Wednesday evening"), ("Priya", "Thursday morning"), ("Leo", "Monday at noon")} <= {
        (action.owner, action.due) for action in minutes.actions
    }


def test_a_recap_adds_evidence_but_no_second_action() -> None:
    first = note_of(
        meeting("Iris: Paul, can you repaint the fence?", "Paul: Yes, I will repaint it by Friday noon."),
        RulesWriter(),
        language="en",
    )
    recap = [SpokenSegment(9, "Iris", 900_000, 910_000, "So, to sum up: Paul repaints the fence by Friday.")]
    [action] = minutes_of_notes([first, note_of(recap, RulesWriter(), [first], language="en")], "en").actions
    assert (action.owner, action.due) == ("Paul", "Friday noon")
    assert action.evidence == (1, 2, 9)
    assert action.earlier == ()


def test_a_recap_in_other_words_is_no_change_but_another_day_is() -> None:
    first = note_of(meeting("Leo: I will move the newsletter to Monday."), RulesWriter(), language="en")
    said = "So, to sum up: Leo moves the newsletter to {}."
    for day, earlier in (("Monday noon", 0), ("Friday", 1)):
        recap = [SpokenSegment(9, "Leo", 900_000, 910_000, said.format(day))]
        last = note_of(recap, RulesWriter(), [first], language="en")
        [action] = minutes_of_notes([first, last], "en").actions
        assert len(action.earlier) == earlier, day


LATER = [SpokenSegment(20, "Lara", 400_000, 410_000, "Then we move the summer workshop to Friday.")]


def test_the_later_of_two_contradicting_decisions_of_one_window_holds() -> None:
    segments = meeting(
        "Lara: Then we move the workshop to Tuesday the third.",
        "Nils: The trainer is ill.",
        "Lara: Okay, then we move the workshop to Friday the sixth.",
    )
    [decision] = by_rules(segments).decisions
    assert decision.text == "We move the workshop to Friday the sixth."
    assert decision.evidence == (1, 3)


def test_a_decision_that_a_later_window_changes_shows_what_it_was() -> None:
    early = note_of(meeting("Lara: Then we move the summer workshop to Tuesday."), RulesWriter(), language="en")
    late = note_of(LATER, RulesWriter(), [early], language="en")
    [decision] = minutes_of_notes([early, late], "en").decisions
    assert decision.text == "We move the summer workshop to Friday."
    assert decision.earlier == (Earlier("We move the summer workshop to Tuesday.", evidence=(1,)),)
    assert decision.evidence == (1, 20)


def test_a_point_that_a_later_decision_overrules_is_not_in_the_overview() -> None:
    said = meeting("Lara: The summer workshop takes place on Tuesday.", "Nils: The trainer sent a bill.")
    early = note_of(said, RulesWriter(), language="en")
    late = note_of(LATER, RulesWriter(), [early], language="en")
    assert any("Tuesday" in sentence.text for sentence in minutes_of_notes([early], "en").overview)
    assert not any("Tuesday" in sentence.text for sentence in minutes_of_notes([early, late], "en").overview)


class FixedWriter:
    """A writer that proposes the given changes."""

    def __init__(self, *drafts: Draft) -> None:
        self.drafts = drafts

    def note(self, _task: WindowTask) -> NoteDraft:
        return NoteDraft("A topic", self.drafts)


SAID = meeting("Mia: Ben, can you call the printer tomorrow?", "Ben: Yes, I will call the printer.")
TASK = Draft(ItemKind.ACTION, "Ben calls the printer.", "Ben", "tomorrow", (1, 2))


def after(*drafts: Draft) -> Minutes:
    """The minutes of a meeting with Ben's task, and then a window with *drafts*."""
    first = note_of(SAID, FixedWriter(TASK), language="en")
    [added] = first.changes
    window = [SpokenSegment(30, "Ben", 800_000, 810_000, "I cannot call the printer, Zoe will, or nobody.")]
    named = [replace(draft, item=added.item) for draft in drafts]
    return minutes_of_notes([first, note_of(window, FixedWriter(*named), [first], language="en")], "en")


def test_a_task_that_is_handed_over_changes_its_owner() -> None:
    minutes = after(Draft(ItemKind.ACTION, "Zoe calls the printer.", "Zoe", "tomorrow", (30,), ChangeKind.REVISE))
    [action] = minutes.actions
    assert (action.owner, action.evidence) == ("Zoe", (1, 2, 30))
    assert [each.owner for each in action.earlier] == ["Ben"]


def test_a_task_that_is_taken_back_is_shown_as_withdrawn() -> None:
    minutes = after(Draft(ItemKind.ACTION, "", evidence=(30,), change=ChangeKind.WITHDRAW))
    assert minutes.actions == ()
    [gone] = minutes.withdrawn
    assert (gone.text, gone.owner, gone.evidence, gone.by) == ("Ben calls the printer.", "Ben", (1, 2), (30,))


def test_a_task_that_is_done_stays_and_says_so() -> None:
    [action] = after(Draft(ItemKind.ACTION, "", evidence=(30,), change=ChangeKind.COMPLETE)).actions
    assert action.done
    assert action.text == "Ben calls the printer."


@pytest.mark.parametrize("change", [ChangeKind.WITHDRAW, ChangeKind.COMPLETE])
def test_the_end_of_an_item_that_does_not_exist_changes_nothing(change: ChangeKind) -> None:
    draft = Draft(ItemKind.ACTION, "", evidence=(1,), change=change, item="s0")
    assert note_of(SAID, FixedWriter(draft), language="en").changes == ()


def test_a_writer_sees_the_open_items_that_a_window_speaks_of_and_no_more() -> None:
    notes = long_meeting(40)
    seen = list(ledger(change for note in notes for change in note.changes).values())
    window = [SpokenSegment(900, "Jan", 0, 16_000, "About the kerb at Elm Street 6, I will survey it later.")]
    shown = open_items(seen, window, "en")
    assert len(shown) == ITEMS_LIMIT < len(seen)
    assert any("Elm Street 6" in item.text for item in shown)


def test_minutes_in_another_language_quote_the_segments() -> None:
    segments = meeting(
        "Uwe: Der neue Ofen in der Bäckerei wird am Montag geliefert und braucht einen stärkeren Anschluss.",
        "Ilse: Der Elektriker hat den Anschluss für den Ofen schon geprüft.",
        "Uwe: Also ohne den Ofen backen wir weniger Brot, also bestellen wir Brot bei der anderen Bäckerei.",
    )
    minutes = by_rules(segments, "de")
    assert {sentence.text for sentence in minutes.overview} <= {segment.text for segment in segments}
    assert minutes.overview
    assert minutes.actions == ()


def test_silence_and_single_words_give_an_empty_note() -> None:
    said = [SpokenSegment(1, None, 0, 16_000, "Hm."), SpokenSegment(2, None, 16_000, 32_000, "")]
    assert note_of(said, RulesWriter(), language="en").changes == ()


def test_minutes_and_notes_read_back_from_json(shared: Path) -> None:
    notes = notes_of(sample(shared), RulesWriter(), language="en")
    minutes = minutes_of_notes(notes, "en")
    assert MINUTES.validate_python(json.loads(json.dumps(MINUTES.dump_python(minutes, mode="json")))) == minutes
    assert NOTE.validate_python(json.loads(json.dumps(NOTE.dump_python(notes[0], mode="json")))) == notes[0]


def long_meeting(windows: int) -> list[NoteBody]:
    """Notes of a synthetic meeting, two minutes each, each with its own decision and task."""
    streets = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo")
    notes: list[NoteBody] = []
    for number in range(windows):
        first, street = number * 10, f"{streets[number % 7]} Street {number + 2}"
        said = [
            f"The crossing at {street} had {number + 3} accidents this year.",
            f"We decided to rebuild the crossing at {street} in {number + 30} weeks.",
            f"I will survey the kerb at {street} by Tuesday.",
            f"The lamp at {street} costs {number + 400} crowns.",
        ]
        segments = [
            SpokenSegment(first + at, "Jan", (first + at) * 192_000, (first + at + 1) * 192_000, text)
            for at, text in enumerate(said)
        ]
        notes.append(note_of(segments, RulesWriter(), notes, language="en"))
    return notes


def test_rolling_minutes_include_segments_without_a_note() -> None:
    notes = long_meeting(2)
    tail = [SpokenSegment(900, None, 10**8, 10**8 + 16_000, "Okay, then we close the bridge on Sunday.")]
    minutes = rolling_minutes(notes, tail, language="en")
    assert minutes.decisions[-1].evidence == (900,)
    assert len(minutes.chapters) == 3
    assert rolling_minutes([], language="en") == Minutes()


def test_minutes_of_a_long_meeting_lose_no_decision_and_no_action_and_have_few_chapters() -> None:
    minutes = minutes_of_notes(long_meeting(40), "en")
    assert len(minutes.decisions) == 40
    assert len(minutes.actions) == 40
    assert CHAPTERS_LIMIT // 2 < len(minutes.chapters) <= CHAPTERS_LIMIT


def test_a_new_note_changes_the_last_chapter_only() -> None:
    notes = long_meeting(32)
    shorter, longer = (minutes_of_notes(notes[:count], "en").chapters for count in (31, 32))
    assert len(longer) == len(shorter)
    assert longer[:-1] == shorter[:-1]
    assert longer[-1] != shorter[-1]


def test_unsupported_sentences_can_be_left_out_everywhere() -> None:
    carried, not_carried = Sentence("The oven is new.", (1,), 0.9, supported=True), Sentence("The oven is old.")
    both = (carried, not_carried)
    task, doubted = Action("Call them.", "Ann", supported=True), Action("Ring them.", "Ann")
    minutes = Minutes(both, (Chapter("Oven", 0, 1, both),), both, (task, doubted), both)
    assert supported_only(minutes) == Minutes(
        (carried,), (Chapter("Oven", 0, 1, (carried,)),), (carried,), (task,), (carried,)
    )
