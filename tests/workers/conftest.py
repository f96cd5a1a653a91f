"""A rig for each test on the servers and weights of the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from redis import Redis

from schema.core import migrate
from schema.core.database import Database
from tests import models
from tests.workers.worker_rig import WorkerRig
from training.data.audio import Samples
from workers.asr.engine import Engine
from workers.summarize.writing.model import TextModel

SAMPLE = models.ROOT / "deploy/demo"


@pytest.fixture(scope="session")
def whisper() -> Engine:
    return models.whisper()


@pytest.fixture(scope="session")
def gemma() -> TextModel:
    return models.gemma()


def sample_meeting(first_s: float, end_s: float) -> Samples:
    first, end = round(first_s * 16_000), round(end_s * 16_000)
    samples, _ = soundfile.read(SAMPLE / "meeting.flac", dtype="int16", start=first, stop=end)
    return np.asarray(samples, dtype=np.int16)


@pytest.fixture(scope="session")
def speech() -> Samples:
    """The first 17 s of the sample meeting: two speakers, seven sentences, and a pause at the end."""
    return sample_meeting(0, 17)


@pytest.fixture(scope="session")
def later_speech() -> Samples:
    """The sample meeting from 17.2 to 30.5 s: one speaker, three sentences."""
    return sample_meeting(17.2, 30.5)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'm.db'}")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def rig(database: Database, redis_client: Redis, whisper: Engine, tmp_path: Path) -> WorkerRig:
    return WorkerRig(database, redis_client, whisper, tmp_path / "adapters")
