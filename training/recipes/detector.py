"""Teaches the detector which lines carry decisions, tasks, facts and open questions, on the invented meetings.

Each example is a piece of a meeting, at most about as long as a window. In a third of the examples no speaker is known.
Some short pieces are read by themselves, as a window at the end of a meeting is. Embeddings and states are computed
once, which takes a few seconds a meeting on a CPU. The rest of a run takes minutes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch.nn.functional import binary_cross_entropy_with_logits

from schema.core.errors import InvalidConfig
from training.data.invented_meetings import FOLDER, InventedItem, InventedKind, InventedMeeting, invented_meetings
from training.data.line_states import StoredStates
from training.runs.config import RunConfig, Section, validate
from training.runs.task import Batch, example_random
from workers.summarize.detection.features import line_facts, line_features
from workers.summarize.detection.line_encoder import LineReader
from workers.summarize.detection.network import KINDS, MISLEADS, OUTPUTS, DetectorNet, DetectorShape, load_network
from workers.summarize.text.embedding import Features
from workers.summarize.text.stems import content_stems

_OF_KIND = {
    InventedKind.DECISION: 0,
    InventedKind.ACTION: 1,
    InventedKind.FACT: 2,
    InventedKind.QUESTION: 3,
    InventedKind.FALSE: MISLEADS,
}
_MAIN_WEIGHT, _FALSE_WEIGHT = 1.5, 0.7
_NO_LINE = -1.0
"""The label of lines that only pad a batch."""


class DetectorOptions(Section):
    """Options of a detector run."""

    shape: dict[str, float] = Field(default_factory=dict)
    """Changes to `DetectorShape`."""
    piece_turns: tuple[int, int] = (4, 60)
    """The shortest and the longest piece of a meeting."""
    short_turns: tuple[int, int] = (4, 18)
    """The shortest and the longest piece that is read by itself."""
    short_pieces: int = 2
    """How many such pieces there are of each meeting."""
    nameless_share: float = 1 / 3


def build(config: RunConfig, cache_dir: Path, _device: str) -> DetectorTask:
    """Load and read the meetings. Raises InvalidConfig or InvalidData."""
    if config.method.kind != "full":
        raise InvalidConfig(f"method.kind {config.method.kind}: a detector has no base to adapt. Set method.kind=full.")
    return DetectorTask(config, validate(DetectorOptions, config.options, "options"), StoredStates(cache_dir))


class DetectorTask:
    """The `TrainingTask` of the recipe `detector`."""

    def __init__(self, config: RunConfig, options: DetectorOptions, reader: LineReader) -> None:
        shape = DetectorShape(**options.shape)  # type: ignore[arg-type]
        torch.manual_seed(config.seed)
        self.net = DetectorNet(shape)
        self.targets: Sequence[str] = ()
        self.micro_batch = 16
        self._options, self._seed = options, config.seed
        train, dev = (_read(source.source, source.split) for source in (config.train, config.dev))
        self._train = [*(LabelledTurns(each, reader) for each in train), *self._short(train, reader)]
        self._dev = [LabelledTurns(each, reader) for each in dev]
        self.net.scaling.fit(np.concatenate([each.states for each in self._train]))
        self._pieces = list(self._cut())
        self.lengths: Sequence[float] = [float(end - first) for _, first, end in self._pieces]
        self.fingerprint = sha256("\n".join(each.key for each in self._train).encode()).hexdigest()

    def _short(self, meetings: Sequence[InventedMeeting], reader: LineReader) -> Iterator[LabelledTurns]:
        """Short pieces of *meetings*, each read by itself."""
        for meeting in meetings:
            rng = random.Random(meeting.id)  # noqa: S311 - the same in every run, so that states are read once
            for _ in range(self._options.short_pieces):
                length = rng.randint(*self._options.short_turns)
                first = rng.randrange(max(1, len(meeting.turns) - length))
                yield LabelledTurns(meeting, reader, first, first + length)

    def _cut(self) -> Iterator[tuple[int, int, int]]:
        """(meeting, first turn, end turn) of overlapping pieces of all training meetings."""
        shortest, longest = self._options.piece_turns
        for number, meeting in enumerate(self._train):
            rng = example_random(self._seed, 0, number)
            at = 0
            while at < len(meeting.labels):
                length = rng.randint(shortest, longest)
                first = max(0, at - rng.randint(0, shortest))
                yield number, first, min(at + length, len(meeting.labels))
                at += length

    def after_attach(self) -> None:
        """All of the net is new, so all of it learns."""

    def collate(self, indices: Sequence[int], epoch: int) -> Batch:
        rows, labels, names = [], [], []
        for index in indices:
            number, first, end = self._pieces[index]
            meeting = self._train[number]
            named = example_random(self._seed, epoch, index).random() >= self._options.nameless_share
            rows.append((meeting.named if named else meeting.nameless)[first:end])
            labels.append(meeting.labels[first:end])
            names.append(f"{meeting.key}:{first}-{end}")
        return _batch(names, rows, labels)

    def loss(self, batch: Batch) -> torch.Tensor:
        labels = batch.tensors["labels"]
        logits = self.net(batch.tensors["features"])
        weights = torch.ones(OUTPUTS)
        weights[len(KINDS) : 2 * len(KINDS)] = _MAIN_WEIGHT
        weights[-1] = _FALSE_WEIGHT
        each = binary_cross_entropy_with_logits(logits, labels.clamp(min=0), weight=weights, reduction="none")
        return (each * (labels != _NO_LINE)).sum()

    def evaluate(self) -> dict[str, float]:
        total, units = 0.0, 0
        for meeting in self._dev:
            batch = _batch([meeting.key], [meeting.named], [meeting.labels])
            total += float(self.loss(batch))
            units += batch.units
        return {"loss": total / units}

    def measure(self, folder: Path) -> dict[str, float]:
        """Average precision by kind, over the lines of the dev meetings."""
        net = load_network(folder)
        with torch.inference_mode():
            scores = np.concatenate([net(torch.from_numpy(each.named)[None])[0].numpy() for each in self._dev])
        labels = np.concatenate([each.labels for each in self._dev])
        columns = zip(KINDS, labels.T, scores.T, strict=False)
        return {f"average_precision_{kind}": average_precision(truth, score) for kind, truth, score in columns}

    def add_files(self, folder: Path) -> None:
        """The network has all that it needs."""

    def metadata(self) -> dict[str, object]:
        return {}


class LabelledTurns:
    """Turns that are read together: their states (T, STATES), their features with and without speakers (T, WIDTH), and
    their labels (T, OUTPUTS).
    """

    def __init__(self, meeting: InventedMeeting, reader: LineReader, first: int = 0, end: int | None = None) -> None:
        turns = meeting.turns[first:end]
        text = "\n".join(f"{turn.speaker}: {turn.text}" for turn in turns)
        self.key = f"{meeting.id} {sha256(text.encode()).hexdigest()[:12]}"
        self.states = reader.states([turn.text for turn in turns])
        self.named: Features = line_features(turns, self.states, meeting.people)
        facts = line_facts([replace(turn, speaker=None) for turn in turns], meeting.people)
        self.nameless: Features = np.concatenate([self.named[:, : -facts.shape[1]], facts], axis=1)
        self.labels = _labels(meeting)[first:end]


def _read(folder: str, split: str) -> list[InventedMeeting]:
    return list(invented_meetings(split, Path(folder) if folder else FOLDER))


def _labels(meeting: InventedMeeting) -> Features:
    labels = np.zeros((len(meeting.turns), OUTPUTS), np.float32)
    for item in meeting.items:
        at = _OF_KIND[item.kind]
        labels[list(item.evidence), at] = 1
        if item.kind is not InventedKind.FALSE:
            labels[_main_turn(meeting, item), len(KINDS) + at] = 1
    return labels


def _main_turn(meeting: InventedMeeting, item: InventedItem) -> int:
    """The turn that says most of what the item says; of equal ones the longest."""
    stems = set(content_stems(item.text, meeting.language))

    def share(turn: int) -> tuple[int, int]:
        text = meeting.turns[turn].text
        return len(stems & set(content_stems(text, meeting.language))), len(text)

    return max(item.evidence, key=share)


def _batch(names: Sequence[str], rows: Sequence[Features], labels: Sequence[Features]) -> Batch:
    longest = max(len(row) for row in rows)
    features = torch.zeros(len(rows), longest, rows[0].shape[1])
    wanted = torch.full((len(rows), longest, OUTPUTS), _NO_LINE)
    for at, (row, label) in enumerate(zip(rows, labels, strict=True)):
        features[at, : len(row)] = torch.from_numpy(row)
        wanted[at, : len(label)] = torch.from_numpy(label)
    return Batch(tuple(names), sum(len(row) for row in rows) * OUTPUTS, {"features": features, "labels": wanted})


def average_precision(labels: Features, scores: Features) -> float:
    """The mean precision at each true line, from the highest score down. 0 where no line is true."""
    ordered = labels[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    return float((precision * ordered).sum() / max(float(ordered.sum()), 1.0))
