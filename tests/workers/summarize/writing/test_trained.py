"""Notes by a model that was trained to write them: its prompt, and the lines of its answer that are used."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from schema.core.errors import PromptTooLong
from schema.minutes.ledger import ItemKind
from schema.minutes.note import NoteBody
from tests.models import FOLDER
from tests.workers.summarize.conftest import found, meeting, texts
from workers.summarize.notes import note_of
from workers.summarize.text.segment import statements
from workers.summarize.writing.generator import PromptFormat
from workers.summarize.writing.note_format import LineKind, NoteLine, lines_of, transcript, written
from workers.summarize.writing.rules import RulesWriter
from workers.summarize.writing.trained import TrainedWriter, writer_of
from workers.summarize.writing.writer import WindowTask

SEGMENTS = meeting(
    "Vera: Um, the boiler in the north wing, you know, lost pressure twice during the night.",
    "Otto: Yeah.",
    "Otto: The caretaker does not have a key for the north wing.",
    "Vera: And the plumber wants nine hundred euros for a new boiler.",
    "Vera: So we decided on the new boiler, we take the offer of the plumber.",
    "Otto: I give the plumber a key on Tuesday, then.",
)
ASKED = PromptFormat("Sum up:\n", "\nNote:", "en")


class DraftGenerator:
    """A generator trained to write notes. It writes the given draft and keeps its prompts."""

    continues = True
    asked = ASKED
    adapter = "notes"

    def __init__(self, draft: str, limit_words: int = 1000) -> None:
        self.draft = draft
        self.limit_words = limit_words
        self.prompts: list[str] = []

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        *,
        prefix: str = "",
        stop: Sequence[str] = ("\n",),
        only: Sequence[str] = (),
        lines_once: bool = False,
    ) -> list[str]:
        if prefix != ASKED.instruction:
            return [""] * len(prompts)
        if any(len(prompt.split()) > self.limit_words for prompt in prompts):
            raise PromptTooLong("too long")
        self.prompts += [prefix + prompt for prompt in prompts]
        return [self.draft] * len(prompts)


def note_by(writer: DraftGenerator | None) -> NoteBody:
    return note_of(SEGMENTS, writer_of(writer, "en", FOLDER), language="en")


def test_the_prompt_has_turns_without_hesitation_and_mere_assent() -> None:
    assert transcript(statements(SEGMENTS), "en").splitlines() == [
        "Vera: the boiler in the north wing, lost pressure twice during the night.",
        "Otto: The caretaker does not have a key for the north wing.",
        "Vera: And the plumber wants nine hundred euros for a new boiler. "
        "So we decided on the new boiler, we take the offer of the plumber.",
        "Otto: I give the plumber a key on Tuesday, then.",
    ]
    assert transcript(statements(meeting("Vera: Yeah.")), "en") == "Vera: Yeah."


def test_written_lines_read_back() -> None:
    lines = [
        NoteLine(LineKind.POINT, "The boiler lost pressure."),
        NoteLine(LineKind.DECISION, "They take the offer."),
        NoteLine(LineKind.ACTION, "Otto brings a key."),
    ]
    assert lines_of(written(lines)) == lines
    assert lines_of("\n  \nDecision:\n") == []


def test_points_decisions_and_actions_are_sorted_with_their_evidence() -> None:
    model = DraftGenerator(
        "The boiler in the north wing lost pressure.\nDecision: A new boiler is bought from the plumber.\n"
        "Action: Otto will give the plumber a key on Tuesday."
    )
    note = note_by(model)
    [point] = found(note, ItemKind.POINT)
    assert (point.text, point.evidence) == ("The boiler in the north wing lost pressure.", (1,))
    [decision] = found(note, ItemKind.DECISION)
    assert decision.evidence == (5,)
    [action] = found(note, ItemKind.ACTION)
    assert action.text == "Otto will give the plumber a key on Tuesday."
    assert (action.owner, action.due, action.evidence) == ("Otto", "Tuesday", (6,))
    assert model.prompts == [f"Sum up:\n{transcript(statements(SEGMENTS), 'en')}\nNote:"]


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("They decided to take the offer of the plumber.", "They decided to take the offer of the plumber."),
        ("They decided to give the caretaker a key.", "They discussed whether to give the caretaker a key."),
        ("They agreed not to give Otto a key.", "They discussed whether to give Otto a key."),
        (
            "They decided that the caretaker should have a key.",
            "They discussed whether the caretaker should have a key.",
        ),
        ("They also decided on a key for the north wing.", "They also discussed a key for the north wing."),
        ("They decided when the caretaker has a key.", "They discussed when the caretaker has a key."),
        ("It was agreed to give the caretaker a key.", "It was discussed whether to give the caretaker a key."),
        ("The caretaker agreed with Otto.", "The caretaker agreed with Otto."),
        ("The caretaker's key was agreed to be a key of the north wing.", None),
    ],
)
def test_a_sentence_says_decided_only_if_somebody_is_heard_deciding(draft: str, expected: str | None) -> None:
    bare = note_by(None)
    note = note_by(DraftGenerator(draft))
    assert texts(note, ItemKind.POINT) == ([expected] if expected else texts(bare, ItemKind.POINT))
    assert texts(note, ItemKind.DECISION) == texts(bare, ItemKind.DECISION)


@pytest.mark.parametrize(
    "draft", ["They decided on a new boiler.", "Decision: A new boiler is bought from the plumber."]
)
def test_the_evidence_of_a_decision_is_the_segment_that_decides(draft: str) -> None:
    drafts = TrainedWriter(DraftGenerator(draft), ASKED, RulesWriter()).note(WindowTask(SEGMENTS, "en")).drafts
    [heard] = [each for each in drafts if each.text == draft.removeprefix("Decision: ")]
    assert heard.evidence == (5,)
    assert (heard.kind is ItemKind.DECISION) == draft.startswith("Decision")


def test_a_decision_that_nobody_is_heard_making_becomes_a_point() -> None:
    note = note_by(DraftGenerator("Decision: The plumber wants nine hundred euros for a boiler."))
    assert texts(note, ItemKind.POINT) == ["The plumber wants nine hundred euros for a boiler."]
    assert texts(note, ItemKind.DECISION) == texts(note_by(None), ItemKind.DECISION)


@pytest.mark.parametrize(
    "draft",
    [
        "",
        "The gardener planted roses behind the garage.",
        "The boiler costs seven hundred euros.",
        "The boiler in the north wing did not lose pressure.",
        "The caretaker has a key for the north wing.",
        "Decision: Mathilda repairs the boiler in the north wing.",
        "<b>The boiler lost pressure.</b>",
        "The boiler the boiler the boiler the boiler the boiler the boiler.",
    ],
)
def test_a_draft_that_nobody_said_leaves_the_note_without_a_model(draft: str) -> None:
    assert note_by(DraftGenerator(draft)) == note_by(None)


def test_a_window_that_is_too_long_is_read_in_halves() -> None:
    model = DraftGenerator("The boiler in the north wing lost pressure.", limit_words=45)
    note_by(model)
    assert len(model.prompts) == 2
    assert "plumber a key" in model.prompts[1]


def test_a_model_trained_on_english_is_not_asked_in_another_language() -> None:
    model = DraftGenerator("The boiler lost pressure.")
    said = meeting("Uwe: Der neue Ofen in der Bäckerei wird am Montag geliefert und braucht viel Strom.")
    note_of(said, writer_of(model, "de", FOLDER), language="de")
    assert model.prompts == []
