"""From windows to minutes: merging, overruled decisions, and the cost of an update."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schema.core.units import samples_of_s
from schema.meetings.minutes import MINUTES, Minutes
from tests.workers.summarize.conftest import meeting, one_track
from workers.summarize.final import CHAPTERS_LIMIT, final_minutes
from workers.summarize.rolling import (
    KEPT,
    MERGED_ACTIONS,
    MERGED_DECISIONS,
    MERGED_SENTENCES,
    TOP_LEVEL,
    merge,
    merge_due,
    rolling_minutes,
)
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.windows import next_window
from workers.summarize.writing.generator import Generator
from workers.summarize.writing.model import TextModel
from workers.summarize.writing.notes import NOTE, NoteBody, write_note


def notes_of(segments: list[SpokenSegment], model: Generator | None = None) -> list[NoteBody]:
    notes = []
    while window := next_window(segments, final=True):
        notes.append(write_note(window, model, language="en"))
        taken = {segment.id for segment in window}
        segments = [segment for segment in segments if segment.id not in taken]
    return notes


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
    assert_main_points(final_minutes(notes_of(segments if tracks == "many" else one_track(segments)), "en"))


@pytest.mark.model
@pytest.mark.parametrize("tracks", ["many", "one"])
def test_minutes_by_the_packaged_model_have_the_main_points_of_the_sample_meeting(
    shared: Path, gemma: TextModel, tracks: str
) -> None:
    segments = sample(shared)
    minutes = final_minutes(notes_of(segments if tracks == "many" else one_track(segments), gemma), "en")
    assert_main_points(minutes)
    assert all(sentence.supported and sentence.evidence for sentence in minutes.overview)


def test_a_recap_adds_evidence_but_no_second_action() -> None:
    notes = [
        write_note(
            meeting("Iris: Paul, can you repaint the fence?", "Paul: Yes, I will repaint it by Friday noon."),
            None,
            language="en",
        ),
        write_note(
            [SpokenSegment(9, "Iris", 900_000, 910_000, "So, to sum up: Paul repaints the fence by Friday.")],
            None,
            people=["Paul"],
            language="en",
        ),
    ]
    [action] = final_minutes(notes, "en").actions
    assert (action.owner, action.due) == ("Paul", "Friday noon")
    assert action.evidence == (1, 2, 9)


def test_the_later_of_two_contradicting_decisions_holds() -> None:
    segments = meeting(
        "Lara: Then we move the workshop to Tuesday the third.",
        "Nils: The trainer is ill.",
        "Lara: Okay, then we move the workshop to Friday the sixth.",
    )
    [decision] = final_minutes([write_note(segments, None, language="en")], "en").decisions
    assert decision.text == "We move the workshop to Friday the sixth."
    assert decision.evidence == (1, 3)


def test_an_overruled_decision_is_not_in_the_overview() -> None:
    early = write_note(
        meeting("Lara: The summer workshop takes place on Tuesday.", "Nils: The trainer sent a bill."),
        None,
        language="en",
    )
    late = write_note(
        [SpokenSegment(20, "Lara", 400_000, 410_000, "Then we move the summer workshop to Friday.")],
        None,
        language="en",
    )
    assert any("Tuesday" in sentence.text for sentence in final_minutes([early], "en").overview)
    assert not any("Tuesday" in sentence.text for sentence in final_minutes([early, late], "en").overview)


def test_minutes_in_another_language_quote_the_segments() -> None:
    segments = meeting(
        "Uwe: Der neue Ofen in der Bäckerei wird am Montag geliefert und braucht einen stärkeren Anschluss.",
        "Ilse: Der Elektriker hat den Anschluss für den Ofen schon geprüft.",
        "Uwe: Also ohne den Ofen backen wir weniger Brot, also bestellen wir Brot bei der anderen Bäckerei.",
    )
    minutes = final_minutes([write_note(segments, None, language="de")], "de")
    assert {sentence.text for sentence in minutes.overview} <= {segment.text for segment in segments}
    assert minutes.overview
    assert minutes.actions == ()


def test_silence_and_single_words_give_an_empty_note() -> None:
    note = write_note(
        [SpokenSegment(1, None, 0, 16_000, "Hm."), SpokenSegment(2, None, 16_000, 32_000, "")], None, language="en"
    )
    assert (note.sentences, note.decisions, note.actions) == ((), (), ())


def test_minutes_and_notes_read_back_from_json(shared: Path) -> None:
    notes = notes_of(sample(shared))
    minutes = final_minutes(notes, "en")
    assert MINUTES.validate_python(json.loads(json.dumps(MINUTES.dump_python(minutes, mode="json")))) == minutes
    assert NOTE.validate_python(json.loads(json.dumps(NOTE.dump_python(notes[0], mode="json")))) == notes[0]


def long_meeting(windows: int) -> list[NoteBody]:
    """Notes of a synthetic meeting, two minutes each, each with its own decision and task."""
    streets = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo")
    notes = []
    for number in range(windows):
        first, street = number * 10, f"{streets[number % 7]} Street {number + 2}"
        texts = [
            f"The crossing at {street} had {number + 3} accidents this year.",
            f"We decided to rebuild the crossing at {street} in {number + 30} weeks.",
            f"I will survey the kerb at {street} by Tuesday.",
            f"The lamp at {street} costs {number + 400} crowns.",
        ]
        notes.append(
            write_note(
                [
                    SpokenSegment(first + at, "Jan", (first + at) * 192_000, (first + at + 1) * 192_000, text)
                    for at, text in enumerate(texts)
                ],
                None,
                language="en",
            )
        )
    return notes


def words_in(notes: list[NoteBody]) -> int:
    texts = [s.text for note in notes for s in (*note.sentences, *note.decisions)]
    texts += [action.text for note in notes for action in note.actions]
    return sum(len(text.split()) for text in texts)


def test_an_update_reads_no_more_in_the_third_hour_than_in_the_first() -> None:
    top: list[NoteBody] = []
    counts, words, merges = [], [], []
    for note in long_meeting(180):
        top.append(note)
        steps = 0
        while group := merge_due(top):
            top = [kept for kept in top if kept not in group] + [merge(group, "en")]
            steps += 1
        counts.append(len(top))
        words.append(words_in(top))
        merges.append(steps)
    assert max(counts) <= KEPT * (TOP_LEVEL + 1)
    assert max(merges) <= TOP_LEVEL + 1
    assert max(words[90:]) <= 1.2 * max(words[30:90])


def test_a_merged_note_is_bounded_and_keeps_its_evidence() -> None:
    notes = long_meeting(60)
    merged = merge(notes, "en")
    assert len(merged.sentences) <= MERGED_SENTENCES
    assert len(merged.decisions) <= MERGED_DECISIONS
    assert len(merged.actions) <= MERGED_ACTIONS
    assert merged.actions[-1].evidence == notes[-1].actions[-1].evidence
    assert (merged.first_sample, merged.end_sample, merged.level) == (0, notes[-1].end_sample, 1)


def test_rolling_minutes_include_segments_without_a_note() -> None:
    notes = long_meeting(2)
    tail = [SpokenSegment(900, None, 10**8, 10**8 + 16_000, "Okay, then we close the bridge on Sunday.")]
    minutes = rolling_minutes(notes, tail, language="en")
    assert minutes.decisions[-1].evidence == (900,)
    assert len(minutes.chapters) == 3
    assert rolling_minutes([], language="en") == Minutes()


def test_final_minutes_of_a_long_meeting_lose_no_decision_and_no_action() -> None:
    minutes = final_minutes(long_meeting(40), "en")
    assert len(minutes.decisions) == 40
    assert len(minutes.actions) == 40
    assert len(minutes.chapters) == CHAPTERS_LIMIT
