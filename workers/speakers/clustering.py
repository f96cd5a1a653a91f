"""Puts units of one voice together: average linkage over the cosine of their embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""(units, 192), each of length 1."""
VoiceLabels = NDArray[np.int64]
"""(units,): the cluster of each unit, from 0, in order of appearance."""

CLOSENESS = 0.35
"""Two clusters are one voice when the mean cosine between their units is at least this."""
LEAST_S = 3.0
"""A cluster with less speech is a person only if it is unlike everybody. Else its units go to the closest person."""
UNLIKE = 0.3
"""A small cluster is unlike everybody if the cosine of its mean with that of every person is less than this."""
UNLIKE_LEAST_S, UNLIKE_LEAST_SHARE = 1.0, 0.005
"""It must have this much speech, and this share of the meeting's. In ten minutes of speech that is `LEAST_S`, because a
long meeting has more noises and somebody in it has more time to speak."""


def normalised(vectors: NDArray[Any]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
    return scaled


def cluster(
    vectors: Vectors,
    seconds: NDArray[np.float32],
    least: int = 1,
    most: int | None = None,
    closeness: float = CLOSENESS,
    least_s: float = LEAST_S,
) -> VoiceLabels:
    """The voice of each unit, with *seconds* of clean speech. There are *least* to *most* voices, if possible.

    A voice with less than *least_s* is nobody's, unless it is unlike all others.
    """
    if not len(vectors):
        return np.zeros(0, np.int64)
    labels = _absorbed(linkage(vectors, seconds, closeness), vectors, seconds, least_s)
    while labels.max() + 1 < least and closeness < 0.95:
        closeness += 0.05
        labels = _absorbed(linkage(vectors, seconds, closeness), vectors, seconds, least_s)
    if most is not None and labels.max() + 1 > most:
        labels = _at_most(labels, vectors, seconds, most)
    return _by_appearance(labels)


def linkage(vectors: Vectors, seconds: NDArray[np.float32], closeness: float) -> VoiceLabels:
    """Average linkage by chains of nearest neighbours, in time and memory of the square of the units.

    F. Murtagh, "A survey of recent advances in hierarchical clustering algorithms" (1983). A pair that is closest to
    each other but not close enough will never merge with anything, so it leaves the search.
    """
    count = len(vectors)
    near = vectors @ vectors.T
    np.fill_diagonal(near, -2.0)
    weight = seconds.astype(np.float32).copy()
    parent = np.arange(count)
    waiting = np.ones(count, bool)
    chain: list[int] = []
    while waiting.any():
        if not chain:
            chain.append(int(np.flatnonzero(waiting)[0]))
        top = chain[-1]
        best = int(near[top].argmax())
        if len(chain) > 1 and near[top, chain[-2]] >= near[top, best]:
            best = chain[-2]
        if near[top, best] < closeness:
            _leave(top, near, waiting)
            chain.pop()
        elif len(chain) > 1 and best == chain[-2]:
            _merge(top, best, near, weight)
            parent[best] = top
            waiting[best] = False
            del chain[-2:]
        else:
            chain.append(best)
    return _roots(parent)


def _leave(one: int, near: Vectors, waiting: NDArray[np.bool_]) -> None:
    near[one, :] = -2.0
    near[:, one] = -2.0
    waiting[one] = False


def _merge(into: int, gone: int, near: Vectors, weight: NDArray[np.float32]) -> None:
    total = weight[into] + weight[gone]
    row = (near[into] * weight[into] + near[gone] * weight[gone]) / total
    out = (near[into] <= -1.5) | (near[gone] <= -1.5)  # those that have left, and these two
    row[out] = -2.0
    near[into], near[:, into] = row, row
    near[gone], near[:, gone] = -2.0, -2.0
    weight[into] = total


def _roots(parent: NDArray[np.int64]) -> VoiceLabels:
    roots = parent.copy()
    while (roots != parent[roots]).any():
        roots = parent[roots]
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def sums(labels: VoiceLabels, vectors: Vectors, seconds: NDArray[np.float32]) -> tuple[Vectors, NDArray[np.float32]]:
    """The weighted sum of the vectors of each label, and its seconds."""
    count = int(labels.max()) + 1
    total = np.zeros((count, vectors.shape[1]), np.float32)
    np.add.at(total, labels, vectors * seconds[:, None])
    return total, np.bincount(labels, weights=seconds, minlength=count).astype(np.float32)


def _absorbed(labels: VoiceLabels, vectors: Vectors, seconds: NDArray[np.float32], least_s: float) -> VoiceLabels:
    total, weight = sums(labels, vectors, seconds)
    centres = normalised(total)
    big = weight >= min(least_s, float(weight.max()))
    unlike = (centres @ centres[big].T).max(axis=1) < UNLIKE
    long = weight >= max(UNLIKE_LEAST_S, UNLIKE_LEAST_SHARE * float(weight.sum()))
    persons = np.flatnonzero(big | (unlike & long))
    kept = np.full(len(weight), -1)
    kept[persons] = np.arange(len(persons))
    closest = (vectors @ centres[persons].T).argmax(axis=1)
    return np.where(kept[labels] >= 0, kept[labels], closest).astype(np.int64)


def _at_most(labels: VoiceLabels, vectors: Vectors, seconds: NDArray[np.float32], most: int) -> VoiceLabels:
    """Merge the closest clusters until *most* are left."""
    while labels.max() + 1 > most:
        total, weight = sums(labels, vectors, seconds)
        mean = total / np.maximum(weight, 1e-9)[:, None]
        near = mean @ mean.T
        np.fill_diagonal(near, -2.0)
        into, gone = sorted(divmod(int(near.argmax()), len(near)))
        labels = np.where(labels == gone, into, labels)
        labels = np.where(labels > gone, labels - 1, labels)
    return labels


def _by_appearance(labels: VoiceLabels) -> VoiceLabels:
    _, firsts = np.unique(labels, return_index=True)
    order = np.argsort(np.argsort(firsts))
    return order[labels].astype(np.int64)
