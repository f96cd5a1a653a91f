"""Fixtures that write small recordings and manifests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

RecordTone = Callable[..., Path]
WriteManifest = Callable[..., Path]


@pytest.fixture
def record(tmp_path: Path) -> RecordTone:
    """record("a.wav", seconds=1.0, rate_hz=16_000, channels=1): a tone whose pitch depends on the name."""

    def made(name: str, seconds: float = 1.0, rate_hz: int = 16_000, channels: int = 1) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        times = np.arange(round(seconds * rate_hz)) / rate_hz
        tone = 0.3 * np.sin(2 * np.pi * (200 + sum(name.encode())) * times)
        soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate_hz)
        return path

    return made


@pytest.fixture
def manifest(tmp_path: Path) -> WriteManifest:
    """manifest({...}, {...}, name="train.jsonl"): a JSONL file with these objects, beside the recordings."""

    def written(*rows: dict[str, Any], name: str = "train.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return written
