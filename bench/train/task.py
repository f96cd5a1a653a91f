"""The task that both sides train: the same clips, batches, layers, rank, precision and learning rate."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schema.core.errors import Unavailable
from training.data.dataset import batches
from training.runs.config import RunConfig

MODEL = "package:tiny.en"
TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
SHORTEST_S, LONGEST_S = 2.0, 15.0
DEV_EVERY = 4


@dataclass(frozen=True, slots=True)
class LabelledClip:
    audio: str
    text: str
    seconds: float


def clips(shared: Path) -> list[LabelledClip]:
    """The labelled LibriSpeech clips of 2 to 15 s. Raises Unavailable."""
    import soundfile

    folder = shared / "audio/librispeech"
    found = [
        LabelledClip(str(path), path.with_suffix(".txt").read_text().strip().lower(), soundfile.info(path).duration)
        for path in sorted(folder.glob("*.flac"))
    ]
    kept = [clip for clip in found if SHORTEST_S <= clip.seconds <= LONGEST_S]
    if not kept:
        raise Unavailable(f"{folder} contains no labelled clips. Give --shared, a folder with audio/librispeech.")
    return kept


def split(found: list[LabelledClip]) -> dict[str, list[LabelledClip]]:
    """Every fourth clip is for measuring the loss."""
    return {
        "train": [clip for index, clip in enumerate(found) if index % DEV_EVERY],
        "dev": found[::DEV_EVERY],
    }


def write_manifests(parts: dict[str, list[LabelledClip]], folder: Path) -> None:
    """Write a manifest for each part, in our package's format."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, members in parts.items():
        lines = [{"id": Path(clip.audio).stem, "audio": clip.audio, "text": clip.text} for clip in members]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def configuration(
    name: str, method: str, precision: str, context: str, data: Path, steps: int, batch: int
) -> RunConfig:
    """The configuration of our run. The plain script reads the same file."""
    values: dict[str, Any] = {
        "name": name, "recipe": "whisper", "model": MODEL, "precision": precision, "device": "cpu",
        "train": {"source": str(data), "split": "train"}, "dev": {"source": str(data), "split": "dev"},
        "method": {"kind": method, "rank": 16, "alpha": 32, "targets": TARGETS}, "options": {"context": context},
        "steps": steps, "batch_size": batch, "learning_rate": 1e-3, "warmup": 0.1, "evaluate_every": steps,
    }  # fmt: skip
    return RunConfig.model_validate(values)


def shared_batches(config: RunConfig, lengths: list[float]) -> list[list[int]]:
    """The batches of the run, which are ours for both sides."""
    made: list[list[int]] = []
    epoch = 0
    while len(made) < config.steps:
        made += batches(lengths, config.batch_size, config.seed, epoch)
        epoch += 1
    return made[: config.steps]
