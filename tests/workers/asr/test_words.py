from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from workers.asr.vocabulary import Vocabulary, load_vocabulary
from workers.asr.weights.source import resolve
from workers.asr.words import READ_POSITIONS, Floats, read_part, split_words, unread_positions, warp, with_rests


@pytest.fixture(scope="module")
def vocabulary(models: Path) -> Vocabulary:
    return load_vocabulary(resolve("package:tiny.en", models))


def _texts(text: str, vocabulary: Vocabulary, language: str = "en") -> list[str]:
    return [span.text for span in split_words(vocabulary.encode(text), vocabulary, language)]


def test_punctuation_stays_with_its_word(vocabulary: Vocabulary) -> None:
    text = " He said, \"It's ten o'clock...\" (at 10:30 a.m.) - well-known fact: $5 costs 3.5%!"
    words = _texts(text, vocabulary)
    assert "".join(words) == text
    assert words[:3] == [" He", " said,", " \"It's"]
    assert " 10:30" in words


def test_a_character_of_several_tokens_is_not_split(vocabulary: Vocabulary) -> None:
    assert _texts(" naïve 🎉 café", vocabulary) == [" naïve", " 🎉", " café"]


def test_text_without_spaces_is_split_at_characters(vocabulary: Vocabulary) -> None:
    assert "".join(_texts("今日は晴れ。", vocabulary, "ja")) == "今日は晴れ。"
    assert len(_texts("今日は晴れ。", vocabulary, "ja")) > 2


def test_punctuation_does_not_move_the_spoken_end(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.encode(" yes.")
    (span,) = split_words(tokens, vocabulary, "en")
    assert (span.spoken_end, span.end) == (len(tokens) - 1, len(tokens))


@given(st.text(max_size=80))
def test_tokens_decode_to_the_text(vocabulary: Vocabulary, text: str) -> None:
    tokens = vocabulary.encode(text)
    assert all(token < vocabulary.end for token in tokens)
    assert vocabulary.decode(tokens) == text.replace("<|", "< |")


def _warp_by_definition(cost: Floats) -> float:
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            total[i, j] = cost[i - 1, j - 1] + min(total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])
    return float(total[rows, columns])


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(-8, 8)))
def test_the_warp_takes_a_path_of_least_cost(cost: Floats) -> None:
    """The cost of its path equals the optimum of the plain recurrence."""
    starts = [*warp(cost).tolist(), cost.shape[1] - 1]
    assert starts == sorted(starts)
    assert starts[0] == 0
    paid = 0.0
    for row, (first, after) in enumerate(pairwise(starts)):
        last_row = row == len(starts) - 2
        # The next row begins below this row's last column, or one to its right.
        straight = float(cost[row, first : after + 1].sum())
        diagonal = straight if last_row or after == first else float(cost[row, first:after].sum())
        paid += min(straight, diagonal)
    assert paid <= _warp_by_definition(cost) + 1e-3


def attention_of(peaks: list[int], positions: int) -> Floats:
    """Weights (T, 1, S) of tokens that each attend to ten positions around a peak."""
    weights = np.zeros((len(peaks), 1, positions), np.float32)
    for row, peak in enumerate(peaks):
        weights[row, 0, peak - 5 : peak + 5] = 0.1
    return weights


READ = [*range(10, 100, 10), *range(200, 300, 10)]
"""Where the tokens of a text attend that skips the positions from 95 to 195."""


def test_audio_to_which_no_token_attends_is_unread() -> None:
    ((first, end),) = unread_positions(attention_of(READ, 300), np.array(READ) - 5, len(READ))
    assert 95 <= first <= 95 + READ_POSITIONS
    assert 195 - READ_POSITIONS <= end <= 195


def test_attention_of_tokens_that_stand_elsewhere_does_not_make_audio_read() -> None:
    attention = attention_of(READ, 300)
    attention[:, 0, 140:150] += 0.002  # each token looks a little at this place
    ((first, end),) = unread_positions(attention, np.array(READ) - 5, len(READ))
    assert first < 140 < 150 < end


def test_what_the_last_mark_and_the_end_of_the_text_look_at_is_unread() -> None:
    words, mark_and_end = [*range(12, 132, 12)], [180, 190]
    peaks = [*words, *mark_and_end]
    ((first, end),) = unread_positions(attention_of(peaks, 300), np.array(peaks) - 5, len(words))
    assert words[-1] <= first <= words[-1] + READ_POSITIONS
    assert end == 300


def test_slow_speech_is_read() -> None:
    slow = list(range(12, 300, 25))
    assert unread_positions(attention_of(slow, 300), np.array(slow) - 5, len(slow)) == []


def test_audio_shorter_than_a_word_gets_as_many_positions_as_it_has() -> None:
    assert unread_positions(attention_of([5], 10), np.array([0]), 1) == []


@pytest.mark.parametrize(
    ("peak", "unread", "part"),
    [
        (20, [], (10, 200)),
        (20, [(40, 190)], (10, 40)),
        (195, [(40, 190)], (190, 200)),
        (20, [(40, 300)], (10, 40)),
        (100, [(0, 90), (120, 200)], (90, 120)),
        (20, [(0, 300)], (10, 10 + READ_POSITIONS)),
        (20, [(210, 300)], (10, 200)),
    ],
    ids=["read", "read at its beginning", "read at its end", "stretched", "on both sides", "read nowhere", "elsewhere"],
)
def test_a_word_has_the_time_that_it_was_read_from(
    peak: int, unread: list[tuple[int, int]], part: tuple[int, int]
) -> None:
    assert read_part(10, 200, peak, unread) == part


def test_what_the_path_gives_to_a_word_that_was_not_read_from_it_is_unread() -> None:
    path = (0, 180)
    unread = [(56, 69), (71, 158)]
    part = read_part(*path, 165, unread)
    assert part == (158, 180)
    assert with_rests(unread, [path, (180, 200)], [part, (180, 200)]) == [(0, 158)]
