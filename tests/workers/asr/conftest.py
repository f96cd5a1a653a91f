"""Real weights and real speech. The recordings are not part of the project: tests that need them skip without."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from workers.asr.engine import Engine, load_engine

REPOSITORY = Path(__file__).parents[3]
MODEL = "package:tiny.en"

Audio = NDArray[np.int16]


def read_audio(path: Path) -> Audio:
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 16_000
    audio: Audio = samples
    return audio


@pytest.fixture(scope="session")
def models() -> Path:
    return Path(os.environ.get("MINUTEBOOK_MODEL_DIR", REPOSITORY / "var/models"))


@pytest.fixture(scope="session")
def engine(models: Path) -> Engine:
    """tiny.en as the worker runs it."""
    torch.set_num_threads(1)  # words do not depend on it, and other tests may run beside
    return load_engine(MODEL, models)


@pytest.fixture(scope="session")
def exact_engine(models: Path) -> Engine:
    """tiny.en in float32 with the model's own 30 s of context, the reference."""
    return load_engine(MODEL, models, precision="float32", stride=1)


@pytest.fixture(scope="session")
def meeting() -> Audio:
    """The sample meeting of the project, 193 s."""
    return read_audio(REPOSITORY / "deploy/demo/meeting.flac")


@pytest.fixture(scope="session")
def meeting_text() -> str:
    return (REPOSITORY / "deploy/demo/reference.txt").read_text()


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    folder = Path(os.environ.get("MINUTEBOOK_SHARED", REPOSITORY.parent / "shared")) / "audio"
    if not folder.is_dir():
        pytest.skip(f"{folder} not found: set MINUTEBOOK_SHARED to run tests on more recordings")
    return folder
