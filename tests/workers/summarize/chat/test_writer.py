"""Whatever a chat model answers, minutes come out: its items where they can be used, else those of the rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from schema.minutes.ledger import ChangeKind, ItemKind, ledger
from tests.workers.summarize.conftest import meeting
from workers.summarize.chat.model import ChatAnswer, ChatUnavailable, Message
from workers.summarize.chat.writer import ChatWriter
from workers.summarize.notes import note_of
from workers.summarize.writing.rules import RulesWriter
from workers.summarize.writing.writer import NoteDraft, WindowTask

SAID = meeting("Mia: Ben, can you call the printer tomorrow?", "Ben: Sure.", "Mia: The flyers cost ninety euros.")


class Answers:
    """A chat model that gives the next of its answers, or raises it."""

    name = "answers"
    context_tokens = 8192

    def __init__(self, *answers: str | ChatUnavailable) -> None:
        self.answers = list(answers)
        self.asked: list[list[Message]] = []

    def answer(self, messages: Sequence[Message], _schema: Mapping[str, Any], _max_tokens: int) -> ChatAnswer:
        self.asked.append(list(messages))
        answer = self.answers.pop(0)
        if isinstance(answer, ChatUnavailable):
            raise answer
        return ChatAnswer(answer)


def change(**fields: Any) -> dict[str, Any]:
    """An addition of Ben's task, with *fields* in place of its own."""
    task = {"text": "Ben calls the printer.", "owner": "Ben", "due": "tomorrow", "lines": [1, 2]}
    return {"change": "add", "item": None, "kind": "action", **task, **fields}


def note(*changes: dict[str, Any], title: str = "Printing the flyers") -> str:
    return json.dumps({"title": title, "changes": list(changes)})


def written(*answers: str | ChatUnavailable) -> tuple[NoteDraft, Answers]:
    model = Answers(*answers)
    return ChatWriter(model, RulesWriter()).note(WindowTask(SAID, "en")), model


def test_a_change_names_the_segments_of_its_lines() -> None:
    draft, model = written(note(change()))
    [task] = draft.drafts
    assert (task.kind, task.owner, task.due, task.evidence) == (ItemKind.ACTION, "Ben", "tomorrow", (1, 2))
    assert (draft.title, draft.author, draft.fell_back) == ("Printing the flyers", "answers", None)
    assert "[1] Mia: Ben, can you call the printer tomorrow?" in model.asked[0][-1].content


@pytest.mark.parametrize(
    "frame", ["{}", "```json\n{}\n```", "<think>He said: call.</think>\n{}", "Here it is: {} Done."]
)
def test_what_stands_around_an_answer_is_left_out(frame: str) -> None:
    draft, _ = written(frame.replace("{}", note(change())))
    assert [each.text for each in draft.drafts] == ["Ben calls the printer."]


@pytest.mark.parametrize(
    "bad",
    ["", "I cannot help with that.", '{"title": "Printing", "changes": [{"change": "add", "te', "<html></html>", "[]"],
)
def test_an_answer_that_cannot_be_read_is_asked_for_once_more(bad: str) -> None:
    draft, model = written(bad, note(change()))
    assert [each.text for each in draft.drafts] == ["Ben calls the printer."]
    assert draft.fell_back is None
    assert len(model.asked) == 2
    assert "could not be used" in model.asked[1][-1].content


@pytest.mark.parametrize("answers", [("no", "no"), (ChatUnavailable("the endpoint is away"),)])
def test_without_a_usable_answer_rules_write_and_the_note_says_why(answers: tuple[str | ChatUnavailable, ...]) -> None:
    made = note_of(SAID, ChatWriter(Answers(*answers), RulesWriter()), language="en")
    plain = note_of(SAID, RulesWriter(), language="en")
    assert made.changes == plain.changes != ()
    assert made.fell_back is not None
    assert made.fell_back.startswith("answers: ")


@pytest.mark.parametrize(
    "useless",
    [
        change(lines=[]),
        change(lines=[0, 4, 99, -1]),
        change(text="   "),
        change(change="withdraw", item="A7"),
        change(change="complete", item=None),
    ],
)
def test_a_change_without_a_text_a_line_or_its_item_is_left_out(useless: dict[str, Any]) -> None:
    draft, _ = written(note(useless))
    assert draft.drafts == ()
    assert draft.fell_back is None


@pytest.mark.parametrize("word", ["null", "None", "", "unknown", "  -  "])
def test_a_word_for_nothing_is_no_owner_and_no_time(word: str) -> None:
    draft, _ = written(note(change(owner=word, due=word)))
    assert (draft.drafts[0].owner, draft.drafts[0].due) == (None, None)


def test_an_open_item_is_changed_by_its_label() -> None:
    first = note_of(SAID, ChatWriter(Answers(note(change())), RulesWriter()), language="en")
    later = meeting("Ben: I have no time, Zoe calls the printer.", "Zoe: Okay.")
    handed = note(change(change="revise", item="A1", text="Zoe calls the printer.", owner="Zoe", kind="decision"))
    model = Answers(handed)
    second = note_of(later, ChatWriter(model, RulesWriter()), [first], language="en")
    assert "A1 action: Ben calls the printer. (owner: Ben) (due: tomorrow)" in model.asked[0][-1].content
    [revised] = second.changes
    assert (revised.change, revised.kind, revised.owner) == (ChangeKind.REVISE, ItemKind.ACTION, "Zoe")
    [item] = ledger([*first.changes, *second.changes]).values()
    assert item.text == "Zoe calls the printer."
    assert len(item.history) == 2
