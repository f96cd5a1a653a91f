"""Times for the words of corrected text, and positions of text in another transcription."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schema.corrections.alignment import Alignment, joined, timed_words

LENGTH = 1000


def heard(text: str) -> list[list[Any]]:
    """The words of *text*, LENGTH samples each, without pauses."""
    return [[f" {word}", at * LENGTH, (at + 1) * LENGTH, 0.5] for at, word in enumerate(text.split())]


def test_unchanged_words_keep_their_times_and_new_ones_take_those_of_the_words_they_replace() -> None:
    timed = timed_words(heard("we move the lunch to monday"), "We move the launch party to Monday.")
    assert [word[0] for word in timed] == [" We", " move", " the", " launch", " party", " to", " Monday."]
    assert [word[1] for word in timed] == [0, 1000, 2000, 3000, 3538, 4000, 5000]
    assert [word[3] for word in timed] == [0.5, 0.5, 0.5, 1.0, 1.0, 0.5, 0.5]
    assert timed[4][2] == 4000


def test_an_inserted_word_shares_the_time_of_its_neighbour() -> None:
    assert [word[1:3] for word in timed_words(heard("launch monday"), "Please launch Monday")] == [
        [0, 500],
        [500, 1000],
        [1000, 2000],
    ]
    assert [word[1:3] for word in timed_words(heard("launch monday"), "launch now monday")] == [
        [0, 636],
        [636, 1000],
        [1000, 2000],
    ]


def test_a_removed_word_leaves_its_time_unused() -> None:
    assert [word[:2] for word in timed_words(heard("we uh move"), "we move")] == [[" we", 0], [" move", 2000]]
    assert timed_words(heard("thank you"), "") == []


def test_text_without_spaces_is_one_word() -> None:
    assert timed_words([["会", 0, 10, 0.9], ["议", 10, 20, 0.9]], "会谈") == [["会谈", 0, 20, 1.0]]


TEXTS = st.lists(st.sampled_from(["we", "move", "the", "launch", "to", "monday", "Lunch,", "…", "9"]), max_size=9)


@given(TEXTS.filter(bool), TEXTS)
def test_times_ascend_within_the_segment_for_any_text(said: list[str], written: list[str]) -> None:
    words, text = heard(" ".join(said)), " ".join(written)
    timed = timed_words(words, text)
    assert joined(timed) == text
    edges = [sample for word in timed for sample in word[1:3]]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(words) * LENGTH for edge in edges)


def test_a_place_is_mapped_by_agreeing_words_or_else_by_its_time() -> None:
    old, new = heard("good morning we move the lunch yes"), heard("good mourning so we move the launch date yes")
    alignment = Alignment(old, new)
    assert alignment.place(2, 2000) == 2  # between 'mourning' and 'so', by time
    assert alignment.place(3, 0) == 4  # between 'we' and 'move', which stand in both
    assert alignment.place(6, 0) == 6
    assert alignment.place(6, 99_000) == 8
    assert (alignment.place(0, 0), alignment.place(7, 99_000)) == (0, 9)
