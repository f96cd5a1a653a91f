"""The lower layers of a language model read lines: as the whole model does, each line after those before it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from schema.core.errors import BrokenModel
from tests.models import FOLDER, gemma, line_encoder
from training.data.invented_meetings import invented_meetings
from workers.summarize.detection.line_encoder import STATE, STATES, LineEncoder
from workers.summarize.detection.line_weights import LAYERS, WEIGHTS, line_weights
from workers.summarize.text.embedding import Features

LINES = ["Can we move the release — to Friday?", "No, Thursday is fine.", "Größere Räume: 12.450,50 €, d'accord."]


@pytest.fixture(scope="module")
def encoder() -> LineEncoder:
    return line_encoder()


@pytest.mark.model
def test_states_are_those_of_the_whole_model_after_its_lower_layers(encoder: LineEncoder) -> None:
    model = gemma()
    tokens = model.tokenizer("".join(f"{line}\n" for line in LINES), return_tensors="pt").input_ids
    with torch.inference_mode():
        states = model.net(tokens, output_hidden_states=True).hidden_states[LAYERS][0].float().numpy()
    ends = np.flatnonzero(tokens[0].numpy() == model.tokenizer.convert_tokens_to_ids("\n"))
    assert len(ends) == len(LINES)
    assert similar(encoder.states(LINES)[:, :STATE], states[ends])


def similar(one: Features, other: Features) -> bool:
    """Whether all rows point the same way. The whole model may run in fewer bits."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return bool(((one * other).sum(axis=1) / lengths > 0.99).all())


def test_a_line_is_read_after_the_lines_before_it_and_not_those_after(encoder: LineEncoder) -> None:
    whole = encoder.states(LINES)
    assert whole.shape == (len(LINES), STATES)
    assert similar(encoder.states(LINES[:2]), whole[:2])
    assert not np.allclose(encoder.states(LINES[1:2])[0], whole[1], rtol=0.05)


def test_each_line_of_a_long_meeting_has_its_own_state(encoder: LineEncoder) -> None:
    lines = [turn.text for turn in next(invented_meetings("dev")).turns]
    states = encoder.states(lines)  # in several pieces
    for at in (3, 40, 60, len(lines) - 1):
        again = encoder.states(lines[max(at - 10, 0) : at + 1])[-1]
        apart = np.linalg.norm((states - again) / states.std(axis=0), axis=1)
        assert apart.argmin() == at


def test_a_line_longer_than_any_sentence_is_cut_and_nothing_gives_nothing(encoder: LineEncoder) -> None:
    assert np.isfinite(encoder.states(["word " * 5000, "And so on."])).all()
    assert encoder.states([]).shape == (0, STATES)


def test_damaged_weights_are_refused_with_the_remedy(tmp_path: Path) -> None:
    shutil.copytree(line_weights(FOLDER), tmp_path / "lines")
    (tmp_path / "lines" / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(BrokenModel, match="Delete the folder"):
        LineEncoder.load(tmp_path / "lines")
