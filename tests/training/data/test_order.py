"""The order of training is random, batches have similar lengths, and a run can be resumed in it."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from training.data.dataset import BUCKET_BATCHES, batches

LENGTHS = st.lists(st.floats(0, 30), max_size=300)


@given(LENGTHS, st.integers(1, 17), st.integers(0, 9), st.integers(0, 9))
def test_every_example_is_in_exactly_one_batch(lengths: list[float], size: int, seed: int, epoch: int) -> None:
    found = batches(lengths, size, seed, epoch)
    assert sorted(chain(*found)) == list(range(len(lengths)))
    assert all(0 < len(batch) <= size for batch in found)


@given(LENGTHS.filter(bool), st.integers(1, 17))
def test_the_longest_example_is_in_the_first_batch(lengths: list[float], size: int) -> None:
    assert max(lengths) in [lengths[place] for place in batches(lengths, size, 0, 0)[0]]


def test_the_order_for_a_seed_never_changes() -> None:
    # Fixed values, so that no version of Python or of this function breaks a run that is resumed.
    assert batches([3, 1, 4, 1, 5, 9, 2, 6], 2, seed=1, epoch=0) == [[5, 7], [4, 2], [0, 6], [1, 3]]


def test_each_epoch_and_seed_has_a_different_order() -> None:
    lengths = [1.0] * 200
    orders = [batches(lengths, 4, seed, epoch) for seed in (1, 2) for epoch in (0, 1)]
    assert all(orders[a] != orders[b] for a in range(4) for b in range(a))


def test_the_examples_of_a_batch_have_similar_lengths() -> None:
    lengths = [float(place % 97) for place in range(8 * BUCKET_BATCHES * 3)]
    spread = [max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches(lengths, 8, 1, 0)]
    assert sum(spread) / len(spread) < 97 / BUCKET_BATCHES * 1.5
