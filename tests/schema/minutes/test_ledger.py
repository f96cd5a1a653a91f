"""The ledger: items, what becomes of them, and its bounds."""

from __future__ import annotations

from dataclasses import replace

from schema.minutes.ledger import (
    EVIDENCE_LIMIT,
    HISTORY_LIMIT,
    Change,
    ChangeKind,
    ItemKind,
    ItemState,
    item_id,
    ledger,
)


def change(kind: ChangeKind, text: str = "", *evidence: int, item: str = "a") -> Change:
    return Change(kind, item, ItemKind.ACTION, text, "Ben", None, evidence, 0.9, True)


def test_an_item_that_was_withdrawn_can_stand_again() -> None:
    changes = [
        change(ChangeKind.ADD, "Ben calls.", 1),
        change(ChangeKind.WITHDRAW, "", 2),
        change(ChangeKind.REVISE, "Ben calls.", 3),
    ]
    assert ledger(changes[:2])["a"].state is ItemState.WITHDRAWN
    item = ledger(changes)["a"]
    assert (item.state, item.text, item.evidence) == (ItemState.OPEN, "Ben calls.", (1, 2, 3))
    assert [each.change for each in item.history] == [ChangeKind.ADD, ChangeKind.WITHDRAW, ChangeKind.REVISE]


def test_changes_of_an_item_that_a_rewritten_note_no_longer_adds() -> None:
    assert ledger([change(ChangeKind.WITHDRAW, "", 2)]) == {}
    assert ledger([change(ChangeKind.REVISE, "Zoe calls.", 2)])["a"].text == "Zoe calls."


def test_an_item_remembers_its_first_and_latest_changes_and_evidence() -> None:
    changes = [change(ChangeKind.ADD, "Version 0.", 0)]
    changes += [change(ChangeKind.REVISE, f"Version {number}.", number) for number in range(1, 50)]
    item = ledger(changes)["a"]
    assert len(item.history) == HISTORY_LIMIT
    assert len(item.evidence) == EVIDENCE_LIMIT
    assert (item.history[0].text, item.history[-1].text) == ("Version 0.", "Version 49.")
    assert (item.evidence[0], item.evidence[-1]) == (0, 49)


def test_saying_an_item_again_adds_evidence_but_no_history() -> None:
    item = ledger([change(ChangeKind.ADD, "Ben calls.", 1), change(ChangeKind.REVISE, "Ben calls.", 2)])["a"]
    assert item.evidence == (1, 2)
    assert len(item.history) == 1


def test_better_words_for_an_item_replace_its_text_but_are_no_change_of_it() -> None:
    changes = [change(ChangeKind.ADD, "Ben calls.", 1), change(ChangeKind.RESTATE, "Ben calls the printer.", 2)]
    item = ledger(changes)["a"]
    assert (item.text, item.evidence) == ("Ben calls the printer.", (1, 2))
    assert [each.text for each in item.history] == ["Ben calls."]
    assert ledger(changes[1:])["a"].text == "Ben calls the printer."


def test_saying_an_item_again_does_not_lower_its_support() -> None:
    again = replace(change(ChangeKind.RESTATE, "Ben calls.", 2), support=0.1, supported=False)
    item = ledger([change(ChangeKind.ADD, "Ben calls.", 1), again])["a"]
    assert (item.support, item.supported) == (0.9, True)
    other = replace(again, change=ChangeKind.REVISE, text="Ben writes.")
    assert not ledger([change(ChangeKind.ADD, "Ben calls.", 1), other])["a"].supported


def test_two_items_with_the_same_text_have_different_ids() -> None:
    first = item_id("Ben calls.")
    assert first == item_id("Ben calls.", ["other"])
    assert item_id("Ben calls.", [first]) not in ("", first)
