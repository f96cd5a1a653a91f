from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.core.words import count_words, first_words, word_ends, words
from tests.declaration import CHINESE, ENGLISH, JAPANESE, THAI


@pytest.mark.parametrize("said", [CHINESE, JAPANESE, THAI])
def test_the_same_content_counts_about_as_many_words_in_every_script(said: Sequence[str]) -> None:
    wanted = sum(len(text.split()) for text in ENGLISH)
    assert sum(map(count_words, said)) == pytest.approx(wanted, rel=0.15)
    for text, english in zip(said, ENGLISH, strict=True):
        assert count_words(text) == pytest.approx(count_words(english), rel=0.4)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("well - 3.5 bar", 4),
        ("naïve Äpfel", 2),
        ("好", 1),
        ("用 iPhone 拍", 3),
        ("iPhone手机", 2),
        ("한국어 회의", 2),
    ],
)
def test_words_between_spaces_count_one_each(text: str, count: int) -> None:
    assert count_words(text) == count


def test_a_text_is_cut_to_a_number_of_words() -> None:
    assert first_words("one two  three four", 2).split() == ["one", "two"]
    assert first_words("one two", 5) == "one two"
    assert first_words("one", 0) == ""
    cut = first_words(CHINESE[0], 10)
    assert CHINESE[0].startswith(cut)
    assert count_words(cut) == 10


def test_marks_belong_to_their_letters() -> None:
    assert words("हिन्दी में बैठक") == ["हिन्दी", "में", "बैठक"]
    assert words("เริ่ม API接口") == ["เ", "ริ่", "ม", "API", "接", "口"]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("well, 3.5  bar", ["well, ", "3.5  ", "bar"]),
        ("讨论。你好", ["讨", "论。", "你", "好"]),
        ("Ja, 你好 ok", ["Ja, ", "你", "好", " ", "ok"]),
    ],
)
def test_a_text_may_be_cut_after_spaces_and_between_letters_without_spaces(text: str, pieces: Sequence[str]) -> None:
    assert [text[first:end] for first, end in pairwise([0, *word_ends(text)])] == pieces


@given(st.text())
def test_the_cuts_of_a_text_ascend_to_its_end(text: str) -> None:
    cuts = [0, *word_ends(text)]
    assert all(first < end for first, end in pairwise(cuts))
    assert cuts[-1] == len(text)
