"""Finds items in a window: the main line of each, and the lines that carry it with that one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from schema.minutes.ledger import ItemKind
from workers.summarize.detection.features import line_features
from workers.summarize.detection.line_encoder import STATES, LineReader
from workers.summarize.detection.network import KINDS, OUTPUTS, DetectorNet, load_network
from workers.summarize.text.embedding import Features
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
    ItemKind.DECISION: Pick(0.33, 0.5, 3),
    ItemKind.ACTION: Pick(0.3, 0.7, 3),
    ItemKind.POINT: Pick(0.4, 0.5, 2),
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


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of the lines of a window: their states (T, STATES), the probabilities of `DetectorNet`
    (T, OUTPUTS), and the items, in the order of their main lines.
    """

    states: Features
    probabilities: Features
    items: tuple[FoundItem, ...] = ()


class Detector:
    def __init__(self, net: DetectorNet, reader: LineReader) -> None:
        self._net = net
        self._reader = reader

    @classmethod
    def load(cls, reader: LineReader, folder: Path = FOLDER) -> Detector:
        """Raises BrokenModel."""
        return cls(load_network(folder), reader)

    def read(self, lines: Sequence[SpokenSegment], people: Collection[str]) -> Reading:
        """Read *lines*, which may be none. *people* are the names that they may mention."""
        if not lines:
            return Reading(np.zeros((0, STATES), np.float32), np.zeros((0, OUTPUTS), np.float32))
        return self.judge(lines, self._reader.states([line.text for line in lines]), people)

    def judge(self, lines: Sequence[SpokenSegment], states: Features, people: Collection[str]) -> Reading:
        """As `read`, with *states* (T, STATES) of *lines* that are known."""
        features = torch.from_numpy(line_features(lines, states, people))
        with torch.inference_mode():
            known: Features = torch.sigmoid(self._net(features[None]))[0].numpy()
        return Reading(states, known, _found(known))


def _found(known: Features) -> tuple[FoundItem, ...]:
    columns = zip(KINDS, known.T[: len(KINDS)], known.T[len(KINDS) :], strict=False)
    items = [item for kind, carries, mains in columns for item in _items(kind, carries, mains)]
    return tuple(sorted(items, key=lambda item: item.main))


def _items(kind: ItemKind, carries: Features, mains: Features) -> list[FoundItem]:
    pick = PICKS[kind]
    score = pick.main_share * mains + (1 - pick.main_share) * carries
    peaks = _peaks(score, pick)
    return [FoundItem(kind, peak, _lines(peak, peaks, carries), float(score[peak])) for peak in peaks]


def _peaks(score: Features, pick: Pick) -> list[int]:
    """The highest lines over the threshold, more than the gap apart."""
    found: list[int] = []
    for at in map(int, np.argsort(-score, kind="stable")):
        if score[at] < pick.threshold:
            break
        if all(abs(at - other) > pick.gap for other in found):
            found.append(at)
    return sorted(found)


def _lines(peak: int, peaks: Sequence[int], carries: Features) -> tuple[int, ...]:
    """The lines near *peak* that carry something and are not nearer to another peak."""
    near = range(max(peak - REACH, 0), min(peak + REACH + 1, len(carries)))
    own = (at for at in near if min(peaks, key=lambda other: (abs(other - at), other != peak)) == peak)
    return tuple(at for at in own if at == peak or carries[at] >= CARRIES_FROM)
