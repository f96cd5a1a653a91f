"""Training data for the writer of items."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.core.errors import InvalidData
from training.data.dataset import Example
from training.data.items import common_words, items
from workers.summarize.writing.item_format import MARK, NONE, OVERVIEW, TITLE

MEETING = """\
id: oven
language: en
title: A new oven
domain: bakery
date: 2026-03-12
people: Priya (head baker); Tom (owner)
---
0 Priya: Morning, everyone.
1 Tom: Morning.
2 Priya: The oven is broken again.
3 Tom: Then I ask the dealer for two quotes.
4 Priya: By Friday, please.
5 Tom: And we could paint the shop green.
6 Priya: Ha, green.
7 Tom: Fine, white as it is.
8 Priya: Good.
9 Tom: Lunch?
---
overview: The oven is broken, and quotes are asked for.
chapter 0-9: The broken oven
action a1 [3,4] owner=Tom due="By Friday": Tom asks the dealer for two quotes for an oven.
false x1 kind=rejected section=decisions [5] back=[7]: The shop is painted green.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train" / "en").mkdir(parents=True)
    (tmp_path / "train" / "en" / "oven.txt").write_text(MEETING)
    return tmp_path


def pairs(folder: Path) -> list[tuple[str, str]]:
    found = [example for example in items(folder, "train", "") if isinstance(example, Example)]
    return [(example.text or "", example.summary or "") for example in found]


def test_an_item_is_written_from_its_lines_and_the_lines_beside_them(folder: Path) -> None:
    [(prompt, answer)] = [pair for pair in pairs(folder) if pair[0].endswith("Action:") and pair[1] != NONE]
    assert answer == "Tom | By Friday | Tom asks the dealer for two quotes for an oven."
    assert [line.startswith(MARK) for line in prompt.splitlines()[:-1]] == [False, True, True, False]


def test_a_false_statement_is_answered_with_none(folder: Path) -> None:
    found = [pair for pair in pairs(folder) if "> " in pair[0] and "paint the shop green" in pair[0]]
    assert ("Decision:", NONE) in [(prompt.splitlines()[-1], answer) for prompt, answer in found]


def test_titles_and_overviews_are_written_from_items(folder: Path) -> None:
    outlines = [(prompt.splitlines()[-1], answer) for prompt, answer in pairs(folder)]
    assert {each for each in outlines if each[0] in (TITLE, OVERVIEW)} == {
        (TITLE, "The broken oven"),
        (TITLE, "A new oven"),
        (OVERVIEW, "The oven is broken, and quotes are asked for."),
    }


def test_common_words_are_those_of_several_meetings_without_numbers_and_speakers() -> None:
    answers = ("Tom buys 3 ovens.", "Tom buys an oven.", "Mia buys ovens.")
    found = [
        Example(str(at), str(at), text="> Tom: I buy it.\nAction:", summary=answer, group=str(at))
        for at, answer in enumerate(answers)
    ]
    assert common_words(found) == ["buys"]


def test_an_unknown_split_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidData, match="Available splits: train, dev"):
        list(items(folder, "test", ""))
