"""Real weights and real speech. Tests that need recordings from outside the project are skipped without them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import jiwer
import pytest
import soundfile
import torch
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

from training.data.audio import Samples
from workers.asr.engine import Engine, load_engine

REPOSITORY = Path(__file__).parents[3]
MODEL = "package:tiny.en"


def read_audio(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 16_000
    audio: Samples = samples
    return audio


@pytest.fixture(scope="session")
def models() -> Path:
    return Path(os.environ.get("MINUTEBOOK_MODEL_DIR", REPOSITORY / "var/models"))


@pytest.fixture(scope="session")
def engine(models: Path) -> Engine:
    """tiny.en as the worker runs it."""
    torch.set_num_threads(1)  # the words do not depend on it, and other tests may run at the same time
    return load_engine(MODEL, models)


@pytest.fixture(scope="session")
def exact_engine(models: Path) -> Engine:
    """tiny.en in float32 with the model's own context of 30 s, as the reference."""
    return load_engine(MODEL, models, precision="float32", stride=1)


@pytest.fixture(scope="session")
def meeting() -> Samples:
    """The sample meeting of the project, 193 s long."""
    return read_audio(REPOSITORY / "deploy/demo/meeting.flac")


@pytest.fixture(scope="session")
def meeting_text() -> str:
    return (REPOSITORY / "deploy/demo/reference.txt").read_text()


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = Path(os.environ.get("MINUTEBOOK_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "audio").is_dir():
        pytest.skip(f"{folder / 'audio'} not found: set MINUTEBOOK_SHARED to run tests on more recordings")
    return folder


@pytest.fixture(scope="session")
def shared_audio(shared: Path) -> Path:
    return shared / "audio"


def error_rate(reference: str, text: str) -> float:
    normalise: Callable[[str], str] = EnglishTextNormalizer({})  # type: ignore[no-untyped-call]
    return float(jiwer.wer(normalise(reference), normalise(text)))
