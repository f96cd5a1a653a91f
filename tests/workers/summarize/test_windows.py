from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.core.words import count_words
from tests.declaration import CHINESE, JAPANESE, THAI
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.windows import next_window, split_segment

WORDS = st.text(alphabet="abcß .?!", min_size=1, max_size=6).filter(lambda word: bool(word.strip()))
TEXTS = st.lists(WORDS, min_size=0, max_size=60).map(" ".join)
UNSPACED_TEXTS = st.text(alphabet="ab 你好のกินข้าว。，.?!「", max_size=200)


def transcript(texts: list[str], pause_samples: int = 1_600) -> list[SpokenSegment]:
    at, found = 0, []
    for number, text in enumerate(texts, 1):
        end = at + 4_800 * max(1, len(text.split()))
        found.append(SpokenSegment(number, None, at, end, text))
        at = end + pause_samples
    return found


def all_windows(segments: list[SpokenSegment], floor_words: int, limit_words: int) -> list[tuple[SpokenSegment, ...]]:
    windows = []
    while window := next_window(segments, floor_words=floor_words, limit_words=limit_words, final=True):
        windows.append(window)
        taken = {segment.id for segment in window}
        segments = [segment for segment in segments if segment.id not in taken]
    return windows


@given(st.lists(TEXTS, max_size=30), st.integers(1, 30), st.integers(0, 40))
def test_every_word_is_in_exactly_one_window(texts: list[str], floor_words: int, more_words: int) -> None:
    segments = transcript(texts)
    windows = all_windows(segments, floor_words, floor_words + more_words)
    words = [word for window in windows for segment in window for word in segment.text.split()]
    assert words == [word for text in texts for word in text.split()]


@given(st.lists(UNSPACED_TEXTS, max_size=30), st.integers(1, 30), st.integers(0, 40))
def test_every_letter_of_scripts_without_spaces_is_in_exactly_one_window(
    texts: list[str], floor_words: int, more_words: int
) -> None:
    segments = transcript(texts)
    windows = all_windows(segments, floor_words, floor_words + more_words)
    said = "".join(segment.text for window in windows for segment in window)
    assert "".join(said.split()) == "".join("".join(texts).split())


@given(UNSPACED_TEXTS, st.integers(2, 20))
def test_a_long_segment_without_spaces_comes_in_short_pieces(text: str, limit_words: int) -> None:
    pieces = split_segment(SpokenSegment(7, "Li", 1_000, 90_000, text), limit_words)
    assert (pieces[0].first_sample, pieces[-1].end_sample) == (1_000, 90_000)
    assert all(count_words(piece.text) <= limit_words for piece in pieces)


@pytest.mark.parametrize("said", [CHINESE, JAPANESE, THAI])
def test_windows_of_scripts_without_spaces_are_as_long_as_others(said: Sequence[str]) -> None:
    segments = transcript([*said, *said])
    assert next_window(segments[:5]) is None
    window = next_window(segments)
    assert window is not None
    assert 250 <= sum(count_words(segment.text) for segment in window) <= 400


@pytest.mark.parametrize("said", [CHINESE, JAPANESE])
def test_what_is_said_without_a_pause_is_cut_at_the_end_of_a_sentence(said: Sequence[str]) -> None:
    text = "".join(said)
    pieces = [piece.text for piece in split_segment(SpokenSegment(1, None, 0, 16_000, text), 150)]
    assert "".join(pieces) == text
    assert len(pieces) > 2
    assert all(piece.endswith("。") and count_words(piece) <= 150 for piece in pieces)


@given(TEXTS, st.integers(1, 20))
def test_a_long_segment_is_split_into_short_pieces_with_its_id_and_times(text: str, limit_words: int) -> None:
    segment = SpokenSegment(7, "Ada", 1_000, 90_000, text)
    pieces = split_segment(segment, limit_words)
    assert {piece.id for piece in pieces} == {7}
    assert (pieces[0].first_sample, pieces[-1].end_sample) == (1_000, 90_000)
    assert all(one.end_sample == other.first_sample for one, other in pairwise(pieces))
    assert all(len(piece.text.split()) <= limit_words for piece in pieces)


def test_a_window_waits_for_enough_words_unless_the_meeting_has_ended() -> None:
    segments = transcript(["ten words stand in this sentence and then it ends."] * 30)
    assert next_window(segments) is None
    assert next_window(segments, final=True) == tuple(segments)
    assert next_window([], final=True) is None


def test_a_window_is_cut_at_the_longest_pause() -> None:
    segments = transcript(["ten words stand in this sentence and then it ends."] * 50)
    late = [
        SpokenSegment(s.id, None, s.first_sample + 40_000 * (s.id > 31), s.end_sample + 40_000 * (s.id > 31), s.text)
        for s in segments
    ]
    window = next_window(late)
    assert window is not None
    assert window[-1].id == 31
    assert 250 <= sum(count_words(segment.text) for segment in window) <= 400
