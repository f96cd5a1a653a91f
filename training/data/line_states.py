"""States of lines, computed once: a text that was read before is not read again."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from workers.models.cache import weights_checksum
from workers.summarize.detection.line_encoder import LineEncoder
from workers.summarize.detection.line_weights import line_weights
from workers.summarize.text.embedding import Features


class StoredStates:
    """Reads lines as `LineEncoder` does, and keeps their states in half precision in *cache_dir*."""

    def __init__(self, cache_dir: Path) -> None:
        weights = line_weights(cache_dir)
        self._encoder = LineEncoder.load(weights)
        self._folder = cache_dir / f"line-states-{weights_checksum(weights)[:12]}"
        self._folder.mkdir(parents=True, exist_ok=True)

    def states(self, texts: Sequence[str]) -> Features:
        """The states (T, STATES) of lines with *texts*, each after the lines before it."""
        text = "\n".join(texts)
        file = self._folder / f"{sha256(text.encode()).hexdigest()}.npy"
        if not file.exists():
            _write(file, self._encoder.states(texts))
        found: Features = np.load(file).astype(np.float32)
        return found


def _write(file: Path, states: Features) -> None:
    """Write *file* completely or not at all."""
    draft = file.with_suffix(".part")
    with draft.open("wb") as handle:
        np.save(handle, states.astype(np.float16))
    draft.replace(file)
