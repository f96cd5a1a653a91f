"""Stored states of a frozen encoder equal those that it computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.training.e2e.conftest import Loaded
from training.data import load, read_audio
from training.e2e.model import window_features
from training.e2e.net import split_windows
from training.e2e.states import EncoderStates

pytestmark = pytest.mark.model


def test_states_are_computed_once_and_read_back_unchanged(
    loaded: Callable[..., Loaded], recordings: Path, tmp_path: Path
) -> None:
    net, data = loaded("decoder")[2], load(recordings, "train", needs=["audio"])
    first, again = (EncoderStates(tmp_path, net, "toy") for _ in range(2))
    for place, example in enumerate(data):
        anew = net.encode(*window_features(net, split_windows(read_audio(example))))
        made = first.read(data, place)
        written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
        assert len(written) == place + 1
        for kept in (made, again.read(data, place)):
            assert all(torch.equal(one, other) for one, other in zip(kept, anew, strict=True))
        assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written


def test_another_encoder_has_separate_states(loaded: Callable[..., Loaded], recordings: Path, tmp_path: Path) -> None:
    net, data = loaded("decoder")[2], load(recordings, "dev", needs=["audio"])
    for encoder in ("toy", "other"):
        EncoderStates(tmp_path, net, encoder).read(data, 0)
    assert len(list(tmp_path.iterdir())) == 2


def test_the_states_of_a_damaged_file_are_computed_again(
    loaded: Callable[..., Loaded], recordings: Path, tmp_path: Path
) -> None:
    net, data = loaded("decoder")[2], load(recordings, "dev", needs=["audio"])
    states = EncoderStates(tmp_path, net, "toy")
    [whole] = states.read(data, 0)
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert torch.equal(states.read(data, 0)[0], whole)
    assert torch.equal(states.read(data, 0)[0], whole)
    assert path.stat().st_size > 100
