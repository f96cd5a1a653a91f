"""The writer in two steps, with the included detector and the included adapter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from schema.minutes.ledger import ItemKind
from schema.minutes.minutes import Action, Minutes, Sentence
from tests import models
from tests.models import write_decoder
from tests.workers.summarize.conftest import meeting
from workers.models.adapters import shipped_notes
from workers.summarize.detection.detector import Detector
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.detected import DetectedWriter
from workers.summarize.writing.generator import PromptFormat
from workers.summarize.writing.model import load_model
from workers.summarize.writing.trained import final_writer_of, writer_of
from workers.summarize.writing.writer import FinalTask, NoteDraft, WindowTask

pytestmark = pytest.mark.model
GEMMA = "package:gemma-3-270m"
ENGLISH = meeting(
    "Nora: The freezer in the back broke down twice this month.",
    "Paul: The repair costs four hundred and eighty euros.",
    "Zoe: Then let's buy a new one instead of repairing it again.",
    "Nora: Yes, agreed, we buy a new one.",
    "Paul: I will ask the dealer for two quotes by Friday.",
    "Nora: Good. Zoe, can you sell the old one?",
    "Zoe: I can do that, yes.",
)
GERMAN = meeting(
    "Jana: Der Drucker im zweiten Stock ist schon wieder kaputt.",
    "Uwe: Dann nehmen wir den neuen Vertrag, der kostet neunzig Euro im Monat.",
    "Jana: Einverstanden, den neuen Vertrag.",
    "Uwe: Ich rufe bis Freitag die Firma an.",
)


@pytest.fixture(scope="module")
def writer() -> DetectedWriter:
    model = load_model(GEMMA, models.FOLDER, threads=1)
    shipped = shipped_notes(GEMMA)
    assert shipped is not None
    assert shipped.lend(model.load_adapter)
    model.use_adapter(shipped.name)
    found = writer_of(model, "en")
    assert isinstance(found, DetectedWriter)
    assert isinstance(final_writer_of(model, "de"), DetectedWriter)
    return found


def said_words(said: list[SpokenSegment], draft: NoteDraft) -> bool:
    text = " ".join(segment.text for segment in said)
    return all(numbers(each.text, "en") <= numbers(text, "en") for each in draft.drafts)


def test_a_task_has_its_owner_its_time_and_its_line(writer: DetectedWriter) -> None:
    draft = writer.note(WindowTask(ENGLISH, "en"))
    tasks = [each for each in draft.drafts if each.kind is ItemKind.ACTION]
    [asked] = [each for each in tasks if "quotes" in each.text]
    assert (asked.owner, asked.due) == ("Paul", "by Friday")
    assert ENGLISH[4].id in asked.evidence
    assert said_words(ENGLISH, draft)
    assert draft.title


def test_a_task_in_plain_words_is_found_without_speakers(writer: DetectedWriter) -> None:
    said = [
        *meeting("The scanner broke."),
        SpokenSegment(2, None, 40_000, 60_000, "Olga will order a new one by Friday."),
    ]
    drafts = writer.note(WindowTask([replace(each, speaker=None) for each in said], "en")).drafts
    assert any("Olga" in each.text for each in drafts if each.kind is ItemKind.ACTION)


def test_a_decision_is_quoted(writer: DetectedWriter) -> None:
    drafts = writer.note(WindowTask(ENGLISH, "en")).drafts
    said = " ".join(segment.text for segment in ENGLISH).casefold()
    decisions = [each.text for each in drafts if each.kind is ItemKind.DECISION]
    assert decisions
    assert all(part.strip(" .").casefold() in said for text in decisions for part in text.split(". "))


def test_german_meetings_have_tasks_with_owners(writer: DetectedWriter) -> None:
    drafts = writer.note(WindowTask(GERMAN, "de")).drafts
    assert "Uwe" in {each.owner for each in drafts if each.kind is ItemKind.ACTION}


def test_a_window_without_anything_gives_a_note_without_items(writer: DetectedWriter) -> None:
    assert writer.note(WindowTask(meeting("Al: Ha ha ha.", "Bo: Ha ha."), "en")).drafts == ()


def test_a_title_and_an_overview_are_written_from_the_items(writer: DetectedWriter) -> None:
    minutes = Minutes(
        decisions=(Sentence("The freezer is replaced by a new one.", supported=True),),
        actions=(Action("Paul asks the dealer for two quotes.", "Paul", "by Friday", supported=True),),
    )
    final = writer.final(FinalTask(minutes, ENGLISH, "en"))
    assert final.title
    assert final.overview
    assert final.author is None
    assert writer.final(FinalTask(Minutes(), ENGLISH, "en")).title == ""


def test_what_a_model_with_a_short_context_cannot_read_is_quoted(tmp_path: Path) -> None:
    model = load_model(str(write_decoder(tmp_path / "model")), tmp_path, precision="float32")
    writer = DetectedWriter(Detector.load(), model, PromptFormat("Write:", writes="items"))
    drafts = writer.note(WindowTask(ENGLISH, "en")).drafts
    assert "I will ask the dealer for two quotes by Friday." in " ".join(each.text for each in drafts)
