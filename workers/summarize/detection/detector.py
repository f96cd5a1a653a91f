"""Finds items in a window: the main line of each, and the lines that carry it with that one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from schema.minutes.ledger import ItemKind
from workers.summarize.detection.features import line_features
from workers.summarize.detection.network import KINDS, DetectorNet, load_network
from workers.summarize.text.segment import SpokenSegment

FOLDER = Path(__file__).parents[1] / "shipped" / "detector"
REACH = 4
"""Lines that carry an item lie at most so far from its main line."""
CARRIES_FROM = 0.35


@dataclass(frozen=True, slots=True)
class Pick:
    """How items of a kind are picked. `main_share` weighs whether a line is a main line against whether it carries one.

    Two items have their main lines more than `gap` lines apart.
    """

    threshold: float
    main_share: float
    gap: int


PICKS = {
    ItemKind.DECISION: Pick(0.32, 0.5, 3),
    ItemKind.ACTION: Pick(0.5, 0.0, 1),
    ItemKind.POINT: Pick(0.5, 0.0, 1),
    ItemKind.QUESTION: Pick(0.26, 0.0, 3),
}
"""Chosen on the development meetings."""


@dataclass(frozen=True, slots=True)
class FoundItem:
    """An item: its kind, its main line and all lines that carry it, as indices, and how sure the detector is."""

    kind: ItemKind
    main: int
    lines: tuple[int, ...]
    probability: float


class Detector:
    def __init__(self, net: DetectorNet) -> None:
        self._net = net

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Detector:
        """Raises BrokenModel."""
        return cls(load_network(folder))

    def probabilities(self, lines: Sequence[SpokenSegment], people: Collection[str]) -> NDArray[np.float32]:
        """For each of *lines* the probabilities of `DetectorNet`, (T, OUTPUTS)."""
        features = torch.from_numpy(line_features(lines, people))
        with torch.inference_mode():
            return torch.sigmoid(self._net(features[None]))[0].numpy()

    def find(self, lines: Sequence[SpokenSegment], people: Collection[str]) -> list[FoundItem]:
        """The items of *lines*, in the order of their main lines."""
        if not lines:
            return []
        known = self.probabilities(lines, people)
        columns = zip(KINDS, known.T[: len(KINDS)], known.T[len(KINDS) :], strict=False)
        found = [item for kind, carries, mains in columns for item in _items(kind, carries, mains)]
        return sorted(found, key=lambda item: item.main)


def _items(kind: ItemKind, carries: NDArray[np.float32], mains: NDArray[np.float32]) -> list[FoundItem]:
    pick = PICKS[kind]
    score = pick.main_share * mains + (1 - pick.main_share) * carries
    peaks = _peaks(score, pick)
    return [FoundItem(kind, peak, _lines(peak, peaks, carries), float(score[peak])) for peak in peaks]


def _peaks(score: NDArray[np.float32], pick: Pick) -> list[int]:
    """The highest lines over the threshold, more than the gap apart."""
    found: list[int] = []
    for at in map(int, np.argsort(-score, kind="stable")):
        if score[at] < pick.threshold:
            break
        if all(abs(at - other) > pick.gap for other in found):
            found.append(at)
    return sorted(found)


def _lines(peak: int, peaks: Sequence[int], carries: NDArray[np.float32]) -> tuple[int, ...]:
    """The lines near *peak* that carry something and are not nearer to another peak."""
    near = range(max(peak - REACH, 0), min(peak + REACH + 1, len(carries)))
    own = (at for at in near if min(peaks, key=lambda other: (abs(other - at), other != peak)) == peak)
    return tuple(at for at in own if at == peak or carries[at] >= CARRIES_FROM)
