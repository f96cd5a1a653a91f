"""Speech that a hypothesis skips is found, wherever it lies, and the window is divided beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.streaming.omissions import joined_hypothesis, parts_around, skipped_spans

SECOND = 16_000
SecondPairs = list[tuple[float, float]]


def samples(seconds: float) -> int:
    return round(seconds * SECOND)


def spans(seconds: SecondPairs) -> tuple[tuple[int, int], ...]:
    return tuple((samples(first), samples(end)) for first, end in seconds)


def window(*speech: tuple[float, float], length_s: float = 10, prefix_s: float = 0, complete: bool = True) -> Window:
    prefix = (Word(" before", 0, samples(prefix_s), 0.9),) if prefix_s else ()
    counted = np.arange(samples(length_s)) // SECOND
    return Window(counted.astype(np.int16), prefix=prefix, speech=spans([*speech]), complete=complete)


def hypothesis(unread: SecondPairs, words: SecondPairs | None = None) -> Hypothesis:
    read = tuple(Word(f" {first}", *span, 0.9) for span in spans(words or [(0, 1), (9, 10)]) for first in span[:1])
    return Hypothesis(read, tuple(word.end_sample for word in read), -0.2, 0.0, 1.0, unread=spans(unread))


def seconds(found: list[tuple[int, int]]) -> SecondPairs:
    return [(first / SECOND, end / SECOND) for first, end in found]


@pytest.mark.parametrize(
    ("unread", "skipped"),
    [
        ([], []),
        ([(2, 2.9)], []),
        ([(2, 5)], [(2, 5)]),
        ([(0, 1.5), (7, 8.5)], [(0, 1.5), (7, 8.5)]),
        ([(2, 2.8), (3.2, 4)], [(2, 4)]),
        ([(2, 2.8), (4, 4.8)], []),
    ],
    ids=["none", "a hesitation", "in the middle", "two spans", "two short ones around a blip", "two short ones apart"],
)
def test_speech_without_words_is_skipped_if_it_is_longer_than_a_hesitation(
    unread: SecondPairs, skipped: SecondPairs
) -> None:
    assert seconds(skipped_spans(hypothesis(unread), window((0, 10)))) == skipped


def test_a_pause_is_not_skipped_speech() -> None:
    assert skipped_spans(hypothesis([(3, 8)]), window((0, 3.3), (7.5, 10))) == []


def test_speech_at_the_end_is_skipped_only_if_the_window_is_complete() -> None:
    stopped = hypothesis([(4, 10)], words=[(0, 1), (1, 4)])
    assert seconds(skipped_spans(stopped, window((0, 10)))) == [(4, 10)]
    assert skipped_spans(stopped, window((0, 10), complete=False)) == []


def test_a_translation_is_not_searched_for_skipped_speech() -> None:
    skipping = hypothesis([(2, 8)])
    assert skipped_spans(skipping, window((0, 10))) != []
    assert skipped_spans(skipping, replace(window((0, 10)), translate=True)) == []


def test_a_hypothesis_without_words_skips_all_speech_of_a_complete_window() -> None:
    empty = Hypothesis((), (), -0.2, 0.0, 1.0)
    assert seconds(skipped_spans(empty, window((2, 9), prefix_s=2))) == [(2, 10)]
    assert skipped_spans(empty, window((2, 9), complete=False)) == []


def cuts(whole: Window, skipped: SecondPairs) -> SecondPairs:
    parts = parts_around(whole, list(spans(skipped)))
    return [(first / SECOND, (first + len(part.samples)) / SECOND) for first, part in parts]


@pytest.mark.parametrize(
    ("speech", "skipped", "parts"),
    [
        ([(0.5, 3), (3.2, 5), (5.6, 10)], (1, 6), [(0, 5.3), (5.3, 10)]),
        ([(0, 5), (5.6, 10)], (1, 4.6), [(0, 5.3), (5.3, 10)]),
        ([(0, 2), (2.6, 10)], (5, 8), [(0, 5), (5, 10)]),
        ([(0, 10)], (0.2, 4), [(0, 4), (4, 10)]),
        ([(0, 10)], (0.2, 9.8), []),
    ],
    ids=["the longest pause inside", "the pause after", "no pause near", "no pause, at the beginning", "everything"],
)
def test_a_window_is_divided_at_the_pause_beside_skipped_speech(
    speech: SecondPairs, skipped: tuple[float, float], parts: SecondPairs
) -> None:
    assert cuts(window(*speech), [skipped]) == parts


def test_a_window_is_divided_once_for_each_span_of_skipped_speech() -> None:
    assert cuts(window((0, 3), (4, 6), (7, 10)), [(1, 3), (7.5, 9)]) == [(0, 3.5), (3.5, 6.5), (6.5, 10)]


def test_the_parts_hold_all_audio_and_speech_of_the_window() -> None:
    whole = window((0.5, 5), (6, 9.5))
    (_, first), (cut, second) = parts_around(whole, [(samples(1), samples(4.8))])
    assert np.array_equal(np.concatenate([first.samples, second.samples]), whole.samples)
    assert first.speech == spans([(0.5, 5)])
    assert second.speech == tuple((a - cut, b - cut) for a, b in spans([(6, 9.5)]))


def test_only_the_first_part_has_forced_words_and_only_the_last_may_be_incomplete() -> None:
    whole = window((2, 5), (6, 10), prefix_s=2, complete=False)
    first, second = (part for _, part in parts_around(whole, [(samples(2), samples(4.8))]))
    assert (first.prefix, first.complete) == (whole.prefix, True)
    assert (second.prefix, second.complete) == ((), False)


def test_speech_skipped_right_after_forced_words_is_read_without_them() -> None:
    assert cuts(window((2, 10), prefix_s=2), [(2, 6)]) == [(2, 10)]


def test_the_readings_of_the_parts_become_one_in_the_order_of_time() -> None:
    first = hypothesis([(2, 3)], words=[(0, 1), (1, 2)])
    second = replace(hypothesis([], words=[(0.5, 1)]), avg_logprob=-0.5, truncated=True)
    nothing = Hypothesis((), (), 0.0, 0.9, 1.0)
    joined = joined_hypothesis([(0, first), (samples(4), nothing), (samples(7), second)], window())
    assert [word.start_sample / SECOND for word in joined.words] == [0, 1, 7.5]
    assert [at / SECOND for at in joined.attended_samples] == [1, 2, 8]
    assert seconds([*joined.unread]) == [(2, 3), (4, 7)]
    assert joined.avg_logprob == pytest.approx(-0.3)
    assert (joined.no_speech_prob, joined.truncated) == (0.0, True)
