"""Bundled adapters do what their model cards say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workers.asr.conftest import MODEL, REPOSITORY
from training.data.audio import Samples
from workers.asr.engine import Engine, load_engine
from workers.asr.error_rates import word_error_rate
from workers.asr.hypothesis import Window

pytestmark = pytest.mark.model
SHORT = REPOSITORY / "workers/asr/shipped/tiny.en-audio-context"
SECOND = 16_000


@pytest.fixture(scope="module")
def shipped(models: Path) -> Engine:
    return load_engine(MODEL, models, stride=1, adapters={"short": SHORT})


def test_the_short_context_costs_at_most_two_points_of_word_error_rate(shipped: Engine, meeting: Samples) -> None:
    turns = json.loads((REPOSITORY / "deploy/demo/segments.json").read_text())[:10]
    windows = [Window(meeting[int(turn["start_s"] * SECOND) : int(turn["end_s"] * SECOND)]) for turn in turns]
    whole = shipped.transcribe(windows)
    short = shipped.transcribe([replace(window, adapter="short") for window in windows])
    rates = [
        word_error_rate([(turn["text"], hypothesis.text) for turn, hypothesis in zip(turns, each, strict=True)])
        for each in (whole, short)
    ]
    assert rates[1] <= rates[0] + 0.02
    assert not any(hypothesis.truncated for hypothesis in short)


def test_a_second_of_silence_does_not_run_away(shipped: Engine, meeting: Samples) -> None:
    silence = Window(meeting[:SECOND] * 0, adapter="short")
    assert not shipped.transcribe([silence])[0].truncated


@pytest.mark.parametrize("folder", sorted(SHORT.parent.iterdir()), ids=lambda folder: folder.name)
def test_a_bundled_adapter_is_small_and_documented(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.iterdir()) < 10_000_000
    assert json.loads((folder / "minutebook.json").read_text())["base_model"]
    card = (folder / "README.md").read_text()
    for part in ("Data", "Licence", "Figures", "Limits"):
        assert f"## {part}" in card
