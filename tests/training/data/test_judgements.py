"""Claims about invented meetings, and false statements that are made from true ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from schema.minutes.ledger import ItemKind
from training.data.corruptions import Corruption, corrupted, opposite
from training.data.invented_meetings import InventedMeeting, invented_meetings
from training.data.judgements import AUTHORED, DENIED, JudgedClaim, judgements_of, loosened
from workers.summarize.checking.claim import MinutesClaim

MEETING = """\
id: oven
language: en
title: A new oven
domain: bakery
date: 2026-03-12
people: Priya (head baker); Tom (owner)
---
0 Priya: The oven is broken again.
1 Tom: Then I ask the dealer for two quotes.
2 Priya: By Friday, please.
3 Tom: And the shop is painted green.
4 Priya: Certainly not green.
---
overview: The oven is broken, and quotes are asked for.
chapter 0-4: The broken oven
action a1 [1,2] owner=Tom due="By Friday": Tom asks the dealer for two quotes for an oven.
false x1 kind=rejected section=decisions [3] back=[4]: The shop is painted green.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "dev"):
        (tmp_path / split / "en").mkdir(parents=True)
        (tmp_path / split / "en" / "oven.txt").write_text(MEETING)
    return tmp_path


@pytest.fixture
def meeting(folder: Path) -> InventedMeeting:
    return next(invented_meetings("train", folder))


def changed(
    kind: Corruption, claim: MinutesClaim, language: str = "en", people: tuple[str, ...] = ()
) -> MinutesClaim | None:
    return dict(corrupted(claim, language, people, random.Random(1))).get(kind)


def test_two_people_change_places() -> None:
    claim = MinutesClaim(ItemKind.ACTION, "Tom shows Priya the oven.", (1,), owner="Tom")
    assert changed(Corruption.OTHER_PERSON, claim, people=("Tom", "Priya", "Ann")) == MinutesClaim(
        ItemKind.ACTION, "Priya shows Tom the oven.", (1,), owner="Priya"
    )


def test_one_person_is_exchanged_for_another() -> None:
    claim = MinutesClaim(ItemKind.ACTION, "Tom cleans the oven.", (1,), owner="Tom")
    assert changed(Corruption.OTHER_PERSON, claim, people=("Tom", "Ann")) == MinutesClaim(
        ItemKind.ACTION, "Ann cleans the oven.", (1,), owner="Ann"
    )
    assert changed(Corruption.OTHER_PERSON, claim, people=("Tom",)) is None


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "It costs 450 euros."), ("en", "It takes three days."), ("de", "Es dauert drei Tage."),
     ("fr", "Cela dure trois jours."), ("es", "Tarda tres días.")],
)  # fmt: skip
def test_a_number_becomes_another(language: str, text: str) -> None:
    false = changed(Corruption.OTHER_NUMBER, MinutesClaim(ItemKind.POINT, text, (1,)), language)
    assert false is not None
    assert false.text != text
    assert len(false.text.split()) == len(text.split())


@pytest.mark.parametrize(
    ("language", "text"), [("en", "on Friday"), ("de", "am Freitag"), ("fr", "vendredi"), ("es", "el viernes")]
)
def test_a_day_of_the_text_or_else_of_the_due_time_becomes_another(language: str, text: str) -> None:
    false = changed(Corruption.OTHER_DAY, MinutesClaim(ItemKind.ACTION, "It is done.", (1,), due=text), language)
    assert false is not None
    assert (false.text, false.due == text) == ("It is done.", False)


@pytest.mark.parametrize(
    ("language", "owner", "text", "denied"),
    [
        ("en", None, "The shop is painted green.", "The shop is not painted green."),
        ("en", None, "The shop is not painted.", "The shop is painted."),
        ("en", "Tom", "Tom tries the oven.", "Tom does not try the oven."),
        ("de", None, "Der Laden wird grün.", "Der Laden wird nicht grün."),
        ("de", "Tom", "Tom ruft den Händler an.", "Tom ruft den Händler nicht an."),
        ("fr", None, "Le four est vendu.", "Le four n'est pas vendu."),
        ("fr", "Tom", "Tom demande deux devis.", "Tom ne demande pas deux devis."),
        ("es", None, "Hay dos hornos.", "No hay dos hornos."),
        ("es", "Tom", "Tom pide el horno.", "Tom no pide el horno."),
    ],
)
def test_a_statement_becomes_its_opposite(language: str, owner: str | None, text: str, denied: str) -> None:
    kind = ItemKind.ACTION if owner else ItemKind.DECISION
    false = opposite(MinutesClaim(kind, text, (1,), owner), language)
    assert false is not None
    assert false.text == denied


def test_authored_items_are_true_false_statements_are_not_and_their_opposite_is(meeting: InventedMeeting) -> None:
    made = list(judgements_of(meeting))
    [task] = [each for each in made if each.why == AUTHORED]
    assert task.claim == MinutesClaim(ItemKind.ACTION, "Tom asks the dealer for two quotes for an oven.", (1, 2), "Tom")
    assert (task.true, task.main) == (True, 1)
    [rejected] = [each for each in made if each.why == "rejected"]
    assert (rejected.true, rejected.back) == (False, (4,))
    [denied] = [each for each in made if each.why == DENIED]
    assert (denied.true, denied.claim.text) == (True, "The shop is not painted green.")
    assert made == list(judgements_of(meeting))


def test_loosened_evidence_always_has_the_main_turn() -> None:
    judgement = JudgedClaim(MinutesClaim(ItemKind.POINT, "It rains.", (5, 6)), True, AUTHORED, 5)
    drawn = {loosened(judgement, 9, random.Random(seed)).evidence for seed in range(40)}
    assert all(5 in evidence for evidence in drawn)
    assert {(5,), (5, 6)} < drawn
