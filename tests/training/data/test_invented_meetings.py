"""The invented meetings are whole, and a mistake in one is told with its line."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from schema.core.errors import InvalidData
from training.data.invented_meetings import InventedKind, InventedMeeting, invented_meetings, read_invented

GOOD = """\
id: oven
language: en
title: The oven
domain: bakery
date: 2026-03-12
people: Priya (baker); Tom (owner)
---
0 Priya: The oven is broken.
1 Tom: Then we buy a new one.
2 Priya: Yes. I ask the dealer.
---
overview: The oven is replaced.
chapter 0-2: The oven
decision d1 [1,2]: They buy a new oven.
action a1 [2] owner=Priya due="": Priya asks the dealer.
action a2 [2] owner=none: Somebody pays.
fact f1 [0]: The oven is broken.
false x1 kind=negated section=any [0] back=[1]: The oven works.
must d1: buy|get; oven
unless x1: not|later
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "oven.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_meeting_is_read_with_its_items(tmp_path: Path) -> None:
    meeting = read_invented(write(tmp_path, GOOD))
    assert [turn.speaker for turn in meeting.turns] == ["Priya", "Tom", "Priya"]
    [first, second] = meeting.of(InventedKind.ACTION)
    assert (first.owners, second.owners) == (("Priya",), ())
    [false] = meeting.of(InventedKind.FALSE)
    assert (false.why, false.section, false.back) == ("negated", "any", (1,))
    assert meeting.must["d1"] == (("buy", "get"), ("oven",))
    assert meeting.unless["x1"] == ("not", "later")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("1 Tom: Then", "2 Tom: Then"),
        ("1 Tom: Then", "1 Bob: Then"),
        ("decision d1 [1,2]:", "decision d1 [1,9]:"),
        ("owner=Priya", "owner=Bob"),
        ("fact f1 [0]:", "fakt f1 [0]:"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, right: str, wrong: str) -> None:
    with pytest.raises(InvalidData, match=r"oven\.txt: this line cannot be read"):
        read_invented(write(tmp_path, GOOD.replace(right, wrong)))


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="three parts"):
        read_invented(write(tmp_path, GOOD.replace("---", "", 1)))
    with pytest.raises(InvalidData, match="there is no title"):
        read_invented(write(tmp_path, GOOD.replace("title: The oven\n", "")))


@pytest.fixture(scope="module")
def meetings() -> dict[str, list[InventedMeeting]]:
    return {split: list(invented_meetings(split)) for split in ("train", "dev")}


def test_all_meetings_have_names_of_their_own_and_chapters_that_tile_them(
    meetings: dict[str, list[InventedMeeting]],
) -> None:
    every = [*meetings["train"], *meetings["dev"]]
    assert len({meeting.id for meeting in every}) == len(every) > 200
    for meeting in every:
        edges = [(chapter.first_turn, chapter.last_turn) for chapter in meeting.chapters]
        assert edges[0][0] == 0
        assert edges[-1][1] == len(meeting.turns) - 1
        assert all(before[1] + 1 == after[0] for before, after in pairwise(edges))


def test_every_item_of_the_development_meetings_is_met_by_its_own_text(
    meetings: dict[str, list[InventedMeeting]],
) -> None:
    for meeting in meetings["dev"]:
        for item in meeting.items:
            low = item.text.lower()
            assert all(any(word.lower() in low for word in group) for group in meeting.must[item.id]), item
