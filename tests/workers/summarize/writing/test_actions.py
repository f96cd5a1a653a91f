"""Owners and due dates of actions in several kinds of meetings, with and without known speakers."""

from __future__ import annotations

import pytest

from schema.minutes.ledger import Change, ItemKind
from tests.workers.summarize.conftest import found, meeting, one_track
from workers.summarize.notes import note_of
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.rules import RulesWriter
from workers.summarize.writing.writer import WindowTask

CHOIR = meeting(
    "Ruth: The hall is booked, but nobody has printed the programme.",
    "Ruth: Henrik, could you print two hundred copies?",
    "Henrik: Sure, I'll print them by Tuesday.",
    "Ruth: And the sopranos need new folders. Agnes orders the folders by the end of the week.",
    "Agnes: Fine, I will do that tonight.",
)
CLINIC = meeting(
    "Dr Bell: The fridge for the vaccines was at nine degrees on Sunday.",
    "Nadia: I have called the technician, and he cannot come before Thursday.",
    "Dr Bell: Nadia, please move the vaccines to the pharmacy today.",
    "Nadia: Yes. And I will write a log of the temperatures.",
    "Dr Bell: We have to inform the health office by Wednesday.",
)
GARDEN = meeting(
    "Yusuf: Who can water the seedlings while we are away?",
    "Marta: I can't, I am away myself.",
    "Yusuf: Paolo, will you water the seedlings on Saturday?",
    "Paolo: Sorry, I have no time on Saturday.",
    "Yusuf: Then Marta will ask the neighbours tomorrow morning.",
)


def actions(of: list[SpokenSegment]) -> list[Change]:
    return found(note_of(of, RulesWriter(), language="en"), ItemKind.ACTION)


@pytest.mark.parametrize("segments", [CHOIR, one_track(CHOIR)], ids=["speakers", "one track"])
def test_accepted_requests_and_assignments_become_actions_with_owner_and_date(
    segments: list[SpokenSegment],
) -> None:
    assert {(action.owner, action.due) for action in actions(segments)} == {
        ("Henrik", "Tuesday"),
        ("Agnes", "the end of the week"),
    }


def test_the_evidence_of_an_action_is_the_request_and_the_answer() -> None:
    [printing, folders] = actions(CHOIR)
    assert printing.evidence == (2, 3)
    assert folders.evidence == (4, 5)
    assert printing.supported
    assert folders.supported


def test_a_request_by_name_needs_no_answer_and_a_duty_of_all_has_no_owner() -> None:
    tasks = actions(CLINIC)
    owners = {(action.owner, action.due) for action in tasks}
    assert ("Nadia", "today") in owners
    assert (None, "Wednesday") in owners
    assert any("log of the temperatures" in action.text and action.owner == "Nadia" for action in tasks)


@pytest.mark.parametrize("segments", [GARDEN, one_track(GARDEN)], ids=["speakers", "one track"])
def test_a_refused_request_is_not_an_action(segments: list[SpokenSegment]) -> None:
    assert [(action.owner, action.due) for action in actions(segments)] == [("Marta", "tomorrow morning")]


def test_remarks_about_the_meeting_itself_are_not_actions() -> None:
    segments = meeting(
        "Ann: I will start with the slides. I'll show you the first picture.",
        "Bo: Can you hear me now?",
        "Ann: Yes, I can hear you. I think I will be brief.",
        "Bo: If it rains I will probably be late.",
    )
    assert actions(segments) == []


def test_each_task_of_a_recap_becomes_an_action() -> None:
    segments = meeting(
        "Ada: To sum up: Ben sends the offer by Monday and calls the printer tomorrow. Cleo books the room."
    )
    drafts = RulesWriter().note(WindowTask(segments, "en", frozenset({"Ben", "Cleo"}))).drafts
    assert [(draft.owner, draft.text) for draft in drafts if draft.kind is ItemKind.ACTION] == [
        ("Ben", "Ben sends the offer by Monday."),
        ("Ben", "Ben calls the printer tomorrow."),
    ]
