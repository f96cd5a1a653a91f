"""The writer that needs no language model, with the included weights."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schema.core.words import words
from schema.minutes.ledger import ItemKind
from tests.models import FOLDER
from tests.workers.summarize.conftest import meeting
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.detected import DetectedWriter
from workers.summarize.writing.rules import RulesWriter
from workers.summarize.writing.trained import embedded_writer
from workers.summarize.writing.writer import Draft, WindowTask

ENGLISH = meeting(
    "Nora: The freezer in the back broke down twice this month.",
    "Paul: The repair costs four hundred and eighty euros.",
    "Zoe: A new one then, instead of repairing it again.",
    "Nora: Yes, agreed, we buy a new one.",
    "Paul: I'll ask the dealer for two quotes.",
)
ASKED = meeting(
    "Paul: The new freezer comes on Monday, and the old one is in the way.",
    "Nora: Zoe, can you sell the old freezer before it comes?",
    "Zoe: I can do that, yes.",
)
OTHERS = {
    "de": meeting(
        "Jana: Der Drucker im zweiten Stock ist schon wieder kaputt.",
        "Uwe: Dann nehmen wir den neuen Vertrag, der kostet neunzig Euro im Monat.",
        "Jana: Einverstanden, den neuen Vertrag.",
        "Uwe: Ich rufe bis Freitag die Firma an.",
    ),
    "fr": meeting(
        "Luc: L'imprimante du deuxième étage est encore en panne.",
        "Uwe: Alors on prend le nouveau contrat, il coûte quatre-vingt-dix euros par mois.",
        "Luc: D'accord, le nouveau contrat.",
        "Uwe: J'appelle l'entreprise avant vendredi.",
    ),
    "es": meeting(
        "Luz: La impresora del segundo piso está rota otra vez.",
        "Uwe: Entonces tomamos el contrato nuevo, cuesta noventa euros al mes.",
        "Luz: De acuerdo, tomamos el contrato nuevo.",
        "Uwe: Yo llamo a la empresa antes del viernes.",
    ),
}


@pytest.fixture(scope="module")
def writer() -> DetectedWriter:
    found = embedded_writer("en", FOLDER)
    assert isinstance(found, DetectedWriter)
    return found


def drafts(writer: DetectedWriter, said: list[SpokenSegment], kind: ItemKind, language: str = "en") -> list[Draft]:
    return [each for each in writer.note(WindowTask(said, language)).drafts if each.kind is kind]


def test_a_promise_is_a_task_with_its_owner_and_its_line(writer: DetectedWriter) -> None:
    [asked] = [each for each in drafts(writer, ENGLISH, ItemKind.ACTION) if "quotes" in each.text]
    assert asked.text == "Ask the dealer for two quotes."
    assert (asked.owner, asked.due) == ("Paul", None)
    assert ENGLISH[4].id in asked.evidence


def test_a_task_that_is_given_by_name_is_told_as_rules_put_it(writer: DetectedWriter) -> None:
    said = meeting("Nora: The freezer is broken.", "Nora: So Paul asks the dealer for two quotes by Friday.")
    [asked] = drafts(writer, said, ItemKind.ACTION)
    assert (asked.text, asked.owner, asked.due) == ("Paul asks the dealer for two quotes by Friday.", "Paul", "Friday")


def test_a_promise_has_the_time_that_it_names(writer: DetectedWriter) -> None:
    said = meeting("Nora: The freezer is broken.", "Paul: I'll ask the dealer for two quotes by Friday.")
    [asked] = drafts(writer, said, ItemKind.ACTION)
    assert (asked.text, asked.due) == ("Ask the dealer for two quotes by Friday.", "Friday")


def test_who_is_asked_and_agrees_owns_the_task(writer: DetectedWriter) -> None:
    [sold] = [each for each in drafts(writer, ASKED, ItemKind.ACTION) if "sell" in each.text]
    assert sold.owner == "Zoe"


def test_decisions_and_facts_have_only_words_that_were_said(writer: DetectedWriter) -> None:
    told = [*drafts(writer, ENGLISH, ItemKind.DECISION), *drafts(writer, ENGLISH, ItemKind.POINT)]
    known = {word.casefold() for segment in ENGLISH for word in (segment.speaker or "", *words(segment.text))}
    assert told
    assert {word.casefold() for each in told for word in words(each.text)} <= known


@pytest.mark.parametrize("language", sorted(OTHERS))
def test_other_languages_have_decisions_and_tasks_with_owners(writer: DetectedWriter, language: str) -> None:
    said = OTHERS[language]
    assert drafts(writer, said, ItemKind.DECISION, language)
    assert "Uwe" in {each.owner for each in drafts(writer, said, ItemKind.ACTION, language)}


def test_a_task_in_plain_words_is_found_without_speakers(writer: DetectedWriter) -> None:
    said = [
        *meeting("The scanner broke."),
        SpokenSegment(2, None, 40_000, 60_000, "Olga will order a new one by Friday."),
    ]
    nameless = [replace(each, speaker=None) for each in said]
    assert any("Olga" in each.text for each in drafts(writer, nameless, ItemKind.ACTION))


def test_a_window_without_anything_gives_a_note_without_items(writer: DetectedWriter) -> None:
    assert writer.note(WindowTask(meeting("Al: Ha ha ha.", "Bo: Ha ha."), "en")).drafts == ()


def test_rules_write_where_the_weights_know_no_language() -> None:
    assert isinstance(embedded_writer("fi", FOLDER), RulesWriter)
