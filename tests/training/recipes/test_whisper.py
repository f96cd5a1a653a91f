"""Examples that Whisper cannot learn from are reported before the first step, with file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from schema.core.errors import InvalidData
from tests.training.models import CACHE
from tests.training.runs.test_matrix import small_config
from training.recipes import whisper

pytestmark = pytest.mark.model
BuildTask = Callable[..., whisper.WhisperTask]


@pytest.fixture
def build(model: Callable[[str], str], recordings: Path, tmp_path: Path) -> BuildTask:
    """build({...}, seconds=[...]): the task of these examples, which get a recording each."""

    def built(*rows: dict[str, Any], seconds: tuple[float, ...] = (), **source: Any) -> whisper.WhisperTask:
        lines = []
        for place, row in enumerate(rows):
            length_s = seconds[place] if seconds else 1.0
            soundfile.write(tmp_path / f"{place}.wav", np.full(round(length_s * 16_000), 0.01 * (place + 1)), 16_000)
            lines.append(json.dumps({"audio": f"{place}.wav", "text": f"number {place}"} | row) + "\n")
        (tmp_path / "train.jsonl").write_text("".join(lines))
        train = {"source": str(tmp_path), "split": "train", **source}
        return whisper.build(small_config("whisper", model("whisper"), recordings, train=train), CACHE, "cpu")

    return built


def test_every_recording_that_is_too_long_is_reported(build: BuildTask) -> None:
    with pytest.raises(InvalidData, match=r"(?s)2 examples cannot be used.*train\.jsonl:2: 31\.0 s.*train\.jsonl:3: "):
        build({}, {}, {}, seconds=(1.0, 31.0, 40.0))


def test_faulty_examples_are_left_out_if_the_run_allows_it(build: BuildTask) -> None:
    assert list(build({}, {}, seconds=(1.0, 31.0), skip_faulty=True).lengths) == [1.0]


def test_every_text_that_the_model_cannot_write_is_reported(build: BuildTask) -> None:
    with pytest.raises(InvalidData) as caught:
        build({}, {"text": "no " * 500}, {"language": "de"})
    head, second, third = str(caught.value).splitlines()
    assert head == "2 examples cannot be used; correct them:"
    assert second.startswith("train.jsonl:2: the text of 1.wav has 500 tokens; the model writes at most 446.")
    assert third.startswith("train.jsonl:3: This model knows English only, not 'de'.")
