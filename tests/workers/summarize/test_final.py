"""The end of a meeting: what a chat model says about the whole of it, as far as the transcript carries it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from schema.minutes.minutes import Action, Minutes
from tests.workers.summarize.chat.chat_server import ChatServer, Reply, chat_server, refused, said
from tests.workers.summarize.conftest import meeting
from workers.summarize.chat.endpoint import EndpointModel, EndpointOptions
from workers.summarize.chat.model import estimated_tokens
from workers.summarize.chat.writer import ChatWriter
from workers.summarize.final import minutes_of
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.rules import RulesWriter
from workers.summarize.writing.writer import FinalTask

SAID = meeting(
    "Mia: The old printer is broken again, and the repair of the printer costs ninety euros.",
    "Ben: Then we buy a new printer, we decided that last month already.",
    "Mia: Ben, can you call the shop about the printer tomorrow?",
    "Ben: Sure, I will call the shop tomorrow.",
)
OVERVIEW = {"text": "The old printer is broken, so the team buys a new printer.", "items": ["P1", "D1"]}


def answer(**changed: Any) -> Reply:
    chapters = [{"number": 1, "title": "A printer"}]
    return said(json.dumps({"title": "Replacing the printer", "overview": [OVERVIEW], "chapters": chapters, **changed}))


def written(
    *replies: Reply, segments: list[SpokenSegment] = SAID, context_tokens: int = 8192
) -> tuple[Minutes, ChatServer]:
    """The minutes of *segments*: notes by rules, and title and overview by a server that gives *replies*."""
    with chat_server(*replies) as server:
        options = EndpointOptions(server.url, "llama", retries=0, timeout_s=20, context_tokens=context_tokens)
        minutes = minutes_of(segments, RulesWriter(), ChatWriter(EndpointModel(options), RulesWriter()), language="en")
    return minutes, server


def shown(server: ChatServer) -> str:
    return str(server.requests[-1]["messages"][1]["content"])


BY_RULES = minutes_of(SAID, RulesWriter(), language="en")


def test_the_model_names_the_meeting_and_its_chapters_and_sums_it_up() -> None:
    minutes, server = written(answer())
    assert minutes.title == "Replacing the printer"
    assert [chapter.title for chapter in minutes.chapters] == ["A printer"]
    [sentence] = minutes.overview
    assert sentence.text == OVERVIEW["text"]
    assert sentence.supported
    assert set(sentence.evidence) <= {1, 2}
    assert (minutes.written_by, minutes.fell_back) == ("llama", None)
    assert (minutes.decisions, minutes.actions) == (BY_RULES.decisions, BY_RULES.actions)
    assert "D1 " in shown(server)
    assert "(owner: Ben) (due: tomorrow)" in shown(server)
    assert "Mia: Ben, can you call the shop" in shown(server)


def test_a_sentence_that_the_transcript_does_not_carry_is_left_out() -> None:
    false = {"text": "The new printer costs four thousand euros.", "items": ["D1"]}
    minutes, _ = written(answer(overview=[OVERVIEW, false]))
    assert [sentence.text for sentence in minutes.overview] == [OVERVIEW["text"]]


@pytest.mark.parametrize(
    "text", ["Alle Mitglieder bekommen morgen Kuchen.", "Budgets grew by 40 percent.", "", "### !"]
)
def test_without_any_sentence_that_is_carried_the_overview_of_the_rules_stands(text: str) -> None:
    minutes, _ = written(answer(overview=[{"text": text, "items": ["D1"]}]))
    assert minutes.overview == BY_RULES.overview
    assert minutes.title == BY_RULES.title
    assert minutes.fell_back == "llama: the transcript carries no sentence of its overview"


@pytest.mark.parametrize("title", ["Die Druckerei im Herbst", "Printer 4711", "### Printer", "", "<b>Printer</b>"])
def test_a_title_that_was_not_said_gives_way_to_that_of_the_rules(title: str) -> None:
    minutes, _ = written(answer(title=title, chapters=[{"number": 1, "title": title}]))
    assert minutes.title == BY_RULES.title == "Printer"
    assert [each.title for each in minutes.chapters] == [each.title for each in BY_RULES.chapters]
    assert minutes.overview != BY_RULES.overview


def test_an_answer_that_cannot_be_read_is_asked_for_once_more() -> None:
    minutes, server = written(said("Here are your minutes!"), answer())
    assert minutes.title == "Replacing the printer"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("replies", "reason"),
    [((refused(401, "no"),), "answered 401"), ((said("no"), said('{"title": "Prin')), "has no JSON object")],
)
def test_without_an_answer_the_minutes_of_the_rules_stand_and_say_why(replies: tuple[Reply, ...], reason: str) -> None:
    minutes, _ = written(*replies)
    assert reason in (minutes.fell_back or "")
    assert minutes.overview == BY_RULES.overview
    assert minutes.written_by is None


def test_a_chapter_that_is_not_there_is_not_named() -> None:
    minutes, _ = written(answer(chapters=[{"number": 7, "title": "The printer"}, {"number": 0, "title": "The shop"}]))
    assert [each.title for each in minutes.chapters] == [each.title for each in BY_RULES.chapters]


def test_a_transcript_that_does_not_fit_the_context_is_not_shown_but_the_items_are() -> None:
    long = SAID + [
        SpokenSegment(at, "Mia", at * 16_000, at * 16_000 + 1, "The printer hums. " * 30) for at in range(9, 50)
    ]
    _, server = written(answer(), segments=long, context_tokens=4096)
    assert "Transcript:" not in shown(server)
    assert "D1 " in shown(server)


def test_items_that_do_not_fit_the_context_are_counted() -> None:
    tasks = tuple(Action(f"Ben calls shop number {number} about the printer.", "Ben") for number in range(400))
    with chat_server(answer()) as server:
        options = EndpointOptions(server.url, "llama", retries=0, timeout_s=20, context_tokens=4096)
        ChatWriter(EndpointModel(options), RulesWriter()).final(FinalTask(Minutes(actions=tasks), SAID, "en"))
    assert "A1 Ben calls" in shown(server)
    left_out = re.search(r"and (\d+) more", shown(server))
    assert left_out is not None
    assert shown(server).count("Ben calls") + int(left_out[1]) == len(tasks)
    assert estimated_tokens(shown(server)) < 4096


def test_a_meeting_without_items_is_not_shown_to_a_model() -> None:
    minutes, server = written(answer(), segments=meeting("Mia: Ha ha ha.", "Ben: Ha ha."))
    assert server.requests == []
    assert (minutes.title, minutes.overview, minutes.fell_back) == (None, (), None)
