"""Clusters of synthetic voices, against plain average linkage, and the live tracker on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.speakers.clustering import CLOSENESS, Vectors, VoiceLabels, cluster, linkage, normalised
from workers.speakers.tracker import UNITS_LIMIT, Tracker, settle, thinned


def voices(count: int, turns: list[int], spread: float = 0.03, seed: int = 0) -> Vectors:
    """A vector for each turn, near that of its voice. Different voices are nearly at right angles."""
    rng = np.random.default_rng(seed)
    centres = normalised(rng.standard_normal((count, 192)))
    noise = rng.standard_normal((len(turns), 192)) * spread
    return normalised((centres[turns] + noise).astype(np.float32))


def seconds(vectors: Vectors, each: float = 2.0) -> NDArray[np.float32]:
    return np.full(len(vectors), each, np.float32)


def plain_linkage(vectors: Vectors, weights: NDArray[np.float32], closeness: float) -> VoiceLabels:
    """Average linkage by its definition: merge the closest two clusters until none are close enough."""
    groups = [[at] for at in range(len(vectors))]

    def near(one: list[int], two: list[int]) -> float:
        pairs = [(weights[a] * weights[b], vectors[a] @ vectors[b]) for a in one for b in two]
        return float(sum(weight * value for weight, value in pairs) / sum(weight for weight, _ in pairs))

    while len(groups) > 1:
        best, one, two = max(
            (near(groups[a], groups[b]), a, b) for a in range(len(groups)) for b in range(a + 1, len(groups))
        )
        if best < closeness:
            break
        groups[one] += groups.pop(two)
    labels = np.zeros(len(vectors), np.int64)
    for number, group in enumerate(groups):
        labels[group] = number
    return labels


def same_groups(one: VoiceLabels, two: VoiceLabels) -> bool:
    return bool(((one[:, None] == one) == (two[:, None] == two)).all())


@given(st.integers(0, 10_000), st.integers(2, 14))
def test_it_is_average_linkage(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = normalised(rng.standard_normal((count, 4)).astype(np.float32))
    weights = rng.uniform(0.3, 2.5, count).astype(np.float32)
    expected = plain_linkage(vectors.astype(np.float64), weights.astype(np.float64), 0.3)
    assert same_groups(linkage(vectors, weights, 0.3), expected)


@pytest.mark.parametrize("count", [1, 2, 4, 12])
def test_people_are_found_in_order_of_appearance(count: int) -> None:
    turns = [*range(count), *(turn % count for turn in range(60))]
    labels = cluster(voices(count, turns), seconds(np.zeros((len(turns), 1), np.float32)))
    assert labels.tolist() == turns


def test_somebody_who_hardly_speaks_is_somebody_if_he_is_unlike_all_others() -> None:
    turns = [0, 1, 0, 1, 0, 1, 2]
    vectors = voices(3, turns)
    assert cluster(vectors, seconds(vectors, 1.5)).tolist() == turns
    assert cluster(vectors, seconds(vectors, 0.9)).max() == 1
    vectors[6] = normalised(vectors[6:] + 0.45 * vectors[:1])[0]  # like the first one, but not enough to be him
    assert 0.35 < vectors[6] @ vectors[0] < 0.45
    assert cluster(vectors, seconds(vectors, 1.5), closeness=0.5).tolist() == [0, 1, 0, 1, 0, 1, 0]


def test_a_longer_meeting_needs_more_speech_of_somebody() -> None:
    turns = [0, 1] * 200 + [2]
    vectors = voices(3, turns)
    assert cluster(vectors, seconds(vectors, 2.0)).max() == 1


def test_the_number_of_people_can_be_given() -> None:
    turns = [0, 1, 2, 3] * 8
    vectors = voices(4, turns)
    assert cluster(vectors, seconds(vectors), most=2).max() + 1 == 2
    alike = normalised(voices(4, turns) + 2 * voices(1, [0] * 32, 0.0))
    assert cluster(alike, seconds(alike), closeness=0.3).max() == 0
    assert cluster(alike, seconds(alike), least=4, closeness=0.3).tolist() == turns


def test_nothing_has_no_people() -> None:
    assert len(cluster(np.zeros((0, 192), np.float32), np.zeros(0, np.float32))) == 0
    assert settle([], [], []) == []


def test_live_labels_are_those_of_the_end() -> None:
    rng = np.random.default_rng(3)
    turns = [int(each) for each in rng.integers(0, 4, 200)]
    tracker = Tracker()
    live = [tracker.add(vector, 2.0) for vector in voices(4, turns)]
    assert live[0] == 1
    assert len(set(zip(live, turns, strict=True))) == 4
    assert settle(tracker.vectors, tracker.seconds, live) == live


def test_a_tracker_from_stored_units_goes_on_like_the_first() -> None:
    rng = np.random.default_rng(4)
    vectors = voices(5, [int(each) for each in rng.integers(0, 5, 120)], 0.06)
    first = Tracker()
    persons = [first.add(vector, 1.1) for vector in vectors[:70]]
    second = Tracker()
    for vector, person in zip(vectors[:70], persons, strict=True):
        second.know(vector, 1.1, person)
    assert [first.add(vector, 1.1) for vector in vectors[70:]] == [second.add(vector, 1.1) for vector in vectors[70:]]
    assert first.same == second.same


def test_a_person_taken_for_two_becomes_one_and_no_label_changes() -> None:
    (voice,) = voices(1, [0])
    tracker = Tracker()
    (other,) = normalised((voice + 4.2 * normalised(np.random.default_rng(1).standard_normal((1, 192)))[0])[None])
    labels = [tracker.add(voice, 2.0), tracker.add(other.astype(np.float32), 2.0)]
    assert labels == [1, 2]
    between = normalised((voice + other)[None])[0]
    for _ in range(12):
        tracker.add(between, 2.0)
    assert tracker.root(2) == tracker.root(1) == 1
    assert tracker.persons[:2] == labels


def test_a_long_meeting_is_put_together_in_bounded_memory() -> None:
    turns = [number % 3 for number in range(UNITS_LIMIT + 700)]
    vectors = voices(3, turns)
    fewer, lengths, persons = thinned(vectors, seconds(vectors), np.array(turns))
    assert len(fewer) == UNITS_LIMIT
    assert lengths.sum() == pytest.approx(2.0 * len(turns))
    assert cluster(fewer, lengths).max() == 2
    assert set(persons.tolist()) == {0, 1, 2}


def test_the_closeness_is_between_the_voices_of_one_and_of_two_people() -> None:
    assert 0.25 <= CLOSENESS <= 0.4  # bench.speakers has the curve
