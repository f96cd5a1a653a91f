from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.workers.asr.conftest import MODEL
from training.data.audio import Samples
from training.distillation.student import collate, distillation_losses
from training.distillation.teacher import Teacher, TeacherTarget
from training.networks.methods import attach
from training.runs.config import Method
from workers.asr.engine import Engine
from workers.asr.hypothesis import Window
from workers.asr.model import Whisper, load

pytestmark = pytest.mark.model
SECOND = 16_000


@pytest.fixture(scope="module")
def whisper(models: Path) -> Whisper:
    """tiny.en with a fresh adapter on the first layer's queries."""
    whisper = load(MODEL, models, "float32")
    attach(whisper.net, Method(rank=2), ["model.encoder.layers.0.self_attn.q_proj"], total_steps=10)
    return whisper


@pytest.fixture(scope="module")
def clips(meeting: Samples) -> list[Samples]:
    return [meeting[: 2 * SECOND], meeting[2 * SECOND : 5 * SECOND]]


@pytest.fixture(scope="module")
def targets(
    exact_engine: Engine, clips: list[Samples], tmp_path_factory: pytest.TempPathFactory
) -> list[TeacherTarget]:
    teacher = Teacher(exact_engine, tmp_path_factory.mktemp("targets"))
    for name, clip in zip("ab", clips, strict=True):
        teacher.save_target(name, Window(clip))
    found = [teacher.load_target(name) for name in "ab"]
    return [target for target in found if target is not None]


def test_the_teacher_stores_its_states_and_tokens(
    exact_engine: Engine, clips: list[Samples], targets: list[TeacherTarget]
) -> None:
    vocabulary = exact_engine.whisper.vocabulary
    for clip, target in zip(clips, targets, strict=True):
        assert target.states.shape == (len(clip) // 320, 384)
        assert len(target.last) == len(target.tokens) - 1
        (hypothesis,) = exact_engine.transcribe([Window(clip)])
        assert vocabulary.decode(target.tokens[target.first : -1].tolist()) == hypothesis.text
        assert target.tokens[-1] == vocabulary.end


def test_the_distance_of_a_clip_is_the_same_in_a_batch_as_alone(
    whisper: Whisper, clips: list[Samples], targets: list[TeacherTarget]
) -> None:
    with torch.inference_mode():
        both = distillation_losses(whisper.net, collate(whisper, clips, targets, end_weight=4.0))
        alone = [
            distillation_losses(whisper.net, collate(whisper, [clip], [target], end_weight=4.0))
            for clip, target in zip(clips, targets, strict=True)
        ]
    for kind in range(2):
        torch.testing.assert_close(both[kind], torch.cat([each[kind] for each in alone]), atol=1e-4, rtol=1e-3)
        assert (both[kind] > 0).all()


def test_only_the_adapter_has_a_gradient(whisper: Whisper, clips: list[Samples], targets: list[TeacherTarget]) -> None:
    states, tokens = distillation_losses(whisper.net, collate(whisper, clips[:1], targets[:1], end_weight=4.0))
    torch.autograd.backward((states + tokens).sum())
    moved = {name for name, part in whisper.net.named_parameters() if part.grad is not None and part.grad.any()}
    # The gradient of the other factor is zero as long as this factor is.
    assert moved == {"model.encoder.layers.0.self_attn.q_proj.lora_B.default.weight"}
