from __future__ import annotations

import pytest
import torch

from training.data.audio import Samples
from workers.asr.context import MARGIN_POSITIONS, audible_positions, condensed_context, full_context, short_context
from workers.asr.encoder import encode
from workers.asr.engine import Engine
from workers.asr.features import log_mel

TOTAL = 1500
SECOND = 16_000


def test_the_margin_of_a_short_context_weighs_as_much_as_the_silence_it_replaces() -> None:
    context = short_context([100, 40], TOTAL, "cpu", torch.float32)
    assert context.index.shape == (2, 100 + MARGIN_POSITIONS)
    assert context.bias is not None
    weights = context.bias.exp()[:, 0, 0]
    torch.testing.assert_close(weights.sum(1), torch.full((2,), float(TOTAL)))
    assert set(weights[0, :100].tolist()) == {1.0}
    assert set(weights[1, 40 + MARGIN_POSITIONS :].tolist()) == {0.0}


@pytest.mark.parametrize("audible", [TOTAL - 3, TOTAL])
def test_without_cut_silence_every_position_has_weight_one(audible: int) -> None:
    context = short_context([audible], TOTAL, "cpu", torch.float32)
    assert context.bias is None
    assert context.index.tolist() == [list(range(TOTAL))]


@pytest.mark.model
def test_before_training_condensed_and_short_contexts_are_close_to_the_full_one(
    exact_engine: Engine, meeting: Samples
) -> None:
    samples = meeting[: 6 * SECOND]
    audible = audible_positions(len(samples))
    contexts = {
        "full": full_context(1, TOTAL, "cpu"),
        "condensed": condensed_context([audible], TOTAL, 8, "cpu", torch.float32),
        "short": short_context([audible], TOTAL, "cpu", torch.float32),
    }
    net = exact_engine.whisper.net
    with torch.inference_mode():
        states = {
            name: encode(net, log_mel([samples], context.frames, 80), context, None)[0, :audible]
            for name, context in contexts.items()
        }
    full = states["full"]
    error = {name: float((each - full).square().mean() / full.var()) for name, each in states.items()}
    assert error["condensed"] < error["short"] < 0.15
