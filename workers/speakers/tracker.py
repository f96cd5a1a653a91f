"""Gives each new unit of a meeting its person, live. A label that was given never changes here.

New units are compared with the mean voice of each person. Every `RECLUSTER_S` of speech all units are put together
again, which makes these means better, and finds persons that are one and the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workers.speakers.clustering import Vectors, VoiceLabels, cluster, normalised

RECLUSTER_S = 20.0
KNOWN = 0.3
"""A unit whose cosine with every person is lower than this belongs to somebody new, if it is long enough."""
NEWCOMER_S = 0.8
"""A shorter unit makes nobody new. It goes to the closest person."""
LIVE_LEAST_S = 1.0
"""Live, somebody who has hardly spoken yet is somebody."""
UNITS_LIMIT = 2000
"""Units that are put together again. Of a longer meeting the older ones are joined in pairs."""
SAME_SHARE = 0.8
"""Two persons are the same when so much of the smaller one's speech lies in the voice of the other."""


@dataclass(slots=True)
class Tracker:
    """The voices of one meeting. Persons are numbered from 1 in order of appearance.

    The same units in the same order give the same persons, whoever computes them.
    """

    most: int | None = None
    vectors: list[NDArray[np.float32]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    persons: list[int] = field(default_factory=list)
    centres: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    """By person: the sum of the embeddings, each as often as it has seconds."""
    same: dict[int, int] = field(default_factory=dict)
    """Persons that turned out to be another one, and which one."""
    taken: int = 0
    """The highest number that is in use, also by people whose voices are not known here."""
    _since_s: float = 0.0

    def add(self, vector: NDArray[np.float32], seconds: float) -> int:
        """Take the next unit, (192,) of length 1. Returns its person."""
        person = self._person_of(vector, seconds)
        self._keep(vector, seconds, person)
        return person

    def know(self, vector: NDArray[np.float32], seconds: float, person: int) -> None:
        """Take the next unit, whose person is known already."""
        self._keep(vector, seconds, person)

    def root(self, person: int) -> int:
        """The person that *person* turned out to be."""
        while person in self.same:
            person = self.same[person]
        return person

    def _person_of(self, vector: NDArray[np.float32], seconds: float) -> int:
        if not self.centres:
            return self.taken + 1
        numbers = sorted(self.centres)
        near = normalised(np.stack([self.centres[number] for number in numbers])) @ vector
        best = int(near.argmax())
        full = self.most is not None and len(numbers) >= self.most
        if near[best] < KNOWN and seconds >= NEWCOMER_S and not full:
            return max(self.taken, *numbers) + 1
        return numbers[best]

    def _keep(self, vector: NDArray[np.float32], seconds: float, person: int) -> None:
        self.vectors.append(vector)
        self.seconds.append(seconds)
        self.persons.append(person)
        self.taken = max(self.taken, person)
        root = self.root(person)
        self.centres[root] = self.centres.get(root, 0) + vector * seconds
        self._since_s += seconds
        if self._since_s >= RECLUSTER_S:
            self._since_s = 0.0
            self._recluster()

    def _recluster(self) -> None:
        vectors, seconds = np.stack(self.vectors), np.array(self.seconds, np.float32)
        persons = np.array([self.root(person) for person in self.persons])
        if len(vectors) > UNITS_LIMIT:
            vectors, seconds, persons = thinned(vectors, seconds, persons)
        labels = cluster(vectors, seconds, most=self.most, least_s=LIVE_LEAST_S)
        names = matched(labels, persons, seconds)
        self._join(labels, persons, seconds, names)
        fresh = self.taken
        self.centres = {}
        for label in range(int(labels.max()) + 1):
            person = names.get(label)
            if person is None:  # a voice that was taken for another one so far
                fresh += 1
                person = fresh
            mine = labels == label
            self.centres[self.root(person)] = (vectors[mine] * seconds[mine, None]).sum(axis=0)

    def _join(
        self, labels: VoiceLabels, persons: NDArray[np.int64], seconds: NDArray[np.float32], names: dict[int, int]
    ) -> None:
        """Note the persons without a cluster of their own whose speech lies in the cluster of another person."""
        for person in sorted(set(persons.tolist()) - set(names.values())):
            mine = persons == person
            shares = np.bincount(labels[mine], weights=seconds[mine])
            label = int(shares.argmax())
            other = names.get(label)
            if other is not None and shares[label] >= SAME_SHARE * shares.sum():
                self.same[max(person, other)] = min(person, other)


def matched(labels: VoiceLabels, persons: NDArray[np.int64], seconds: NDArray[np.float32]) -> dict[int, int]:
    """The person of each cluster, by the speech that they share; the greatest share is matched first."""
    shares: dict[tuple[int, int], float] = {}
    for label, person, length in zip(labels.tolist(), persons.tolist(), seconds.tolist(), strict=True):
        shares[label, person] = shares.get((label, person), 0.0) + length
    names: dict[int, int] = {}
    for label, person in sorted(shares, key=lambda pair: (-shares[pair], pair)):
        if label not in names and person not in names.values():
            names[label] = person
    return names


def thinned(
    vectors: Vectors, seconds: NDArray[np.float32], persons: NDArray[np.int64]
) -> tuple[Vectors, NDArray[np.float32], NDArray[np.int64]]:
    """Neighbouring units of one person joined in pairs, the oldest first, until `UNITS_LIMIT` are left."""
    while len(vectors) > UNITS_LIMIT:
        groups = _pairs_of(persons, len(vectors) - UNITS_LIMIT)
        count = int(groups.max()) + 1
        joined = np.zeros((count, vectors.shape[1]), np.float32)
        np.add.at(joined, groups, vectors * seconds[:, None])
        firsts = np.unique(groups, return_index=True)[1]
        if count == len(vectors):
            return vectors[-UNITS_LIMIT:], seconds[-UNITS_LIMIT:], persons[-UNITS_LIMIT:]
        vectors, persons = normalised(joined), persons[firsts]
        seconds = np.bincount(groups, weights=seconds, minlength=count).astype(np.float32)
    return vectors, seconds, persons


def _pairs_of(persons: NDArray[np.int64], spare: int) -> NDArray[np.int64]:
    """The group of each unit: pairs of units of one person, at most *spare* of them, the oldest first."""
    groups = np.full(len(persons), -1)
    alone: dict[int, int] = {}
    for at, person in enumerate(persons.tolist()):
        partner = alone.pop(person, None)
        if partner is not None and spare > 0:
            groups[at] = groups[partner]
            spare -= 1
            continue
        alone[person] = at
        groups[at] = at
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def settle(
    vectors: Sequence[NDArray[np.float32]],
    seconds: Sequence[float],
    persons: Iterable[int],
    least: int = 1,
    most: int | None = None,
) -> list[int]:
    """The persons of all units at the end of a meeting. They keep the live number with which they share most speech."""
    given = np.array(list(persons), np.int64)
    if not len(given):
        return []
    lengths = np.array(seconds, np.float32)
    labels = cluster(np.stack(vectors), lengths, least, most)
    names = matched(labels, given, lengths)
    fresh = int(given.max())
    for label in range(int(labels.max()) + 1):
        if label not in names:
            fresh += 1
            names[label] = fresh
    return [names[int(label)] for label in labels]
