"""Audio of any length gives the embeddings of its windows, and the model writes what the loss predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from schema.core.errors import PromptTooLong
from schema.core.units import SAMPLE_RATE_HZ
from tests.training.e2e.conftest import Loaded
from training.data.audio import Samples
from training.e2e.connector import ConnectorShape, stack_states
from training.e2e.model import SpeechModel, window_features
from training.e2e.net import SpeechSummarizer, embedding_count, max_embedding_count, split_windows
from training.e2e.prompt import build_prompt, prompt_batch, training_batch

pytestmark = pytest.mark.model
KINDS = ("decoder", "t5", "mbart")


def noise(seconds: float, seed: int = 1) -> Samples:
    samples: Samples = np.random.default_rng(seed).normal(0, 3000, round(seconds * SAMPLE_RATE_HZ)).astype(np.int16)
    return samples


def heard(net: SpeechSummarizer, audio: Sequence[Samples], windows: Sequence[int]) -> list[torch.Tensor]:
    """The embeddings of recordings, each of which has the given number of the windows *audio*."""
    return net.audio_embeddings(net.encode(*window_features(net, audio)), windows)


@pytest.mark.parametrize("audio_context", [False, True])
def test_windows_of_long_audio_give_the_same_embeddings_as_one_by_one(
    loaded: Callable[..., Loaded], audio_context: bool
) -> None:
    _, _, net = loaded("decoder", audio_context=audio_context)
    windows = split_windows(noise(33.3))
    assert [len(window) / SAMPLE_RATE_HZ for window in windows] == pytest.approx([30.0, 3.3])
    alone = torch.cat([heard(net, [window], [1])[0] for window in windows])
    net.windows_at_once = 2
    [together] = heard(net, windows, [2])
    assert together.shape == (embedding_count(windows, net.connector.shape), 64)
    assert torch.allclose(together, alone, atol=1e-4)


def test_silence_after_the_audio_gives_no_embeddings(loaded: Callable[..., Loaded]) -> None:
    _, _, net = loaded("decoder")
    # 1 s of audio is 50 positions of the encoder, and 16 of them one embedding.
    assert heard(net, [noise(1.0)], [1])[0].shape == (4, 64)


@pytest.mark.parametrize("seconds", [0.01, 0.32, 29.99, 30.0, 30.01, 95.5])
def test_the_bound_on_embeddings_is_tight(seconds: float) -> None:
    shape = ConnectorShape(64, 64, stack=3, downsample=2, hidden=32)
    count = embedding_count(split_windows(noise(seconds)), shape)
    assert count <= max_embedding_count(seconds, shape) <= count + 1


def test_neighbouring_states_are_averaged_and_then_stacked() -> None:
    states = torch.arange(12.0).view(6, 2)
    assert stack_states(states, ConnectorShape(2, 4, stack=2, downsample=2, hidden=3)).tolist() == [
        [1.0, 2.0, 5.0, 6.0],
        [9.0, 10.0, 0.0, 0.0],
    ]


def test_initial_embeddings_have_the_scale_of_word_embeddings(loaded: Callable[..., Loaded]) -> None:
    _, _, net = loaded("decoder")
    [embedded] = heard(net, [noise(2.0)], [1])
    assert embedded.square().mean().sqrt() == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_writes_what_the_training_pass_predicts(kind: str, loaded: Callable[..., Loaded]) -> None:
    """Greedy tokens are the likeliest tokens of the training pass, for rows of different lengths."""
    _, text, net = loaded(kind)
    model = SpeechModel(net, text, "summarize: ", "\nMinutes:", "summary")
    recordings = [noise(1.0), noise(4.0, seed=2)]
    assert model.write(recordings, 6) == [model.write([each], 6)[0] for each in recordings]
    frame = build_prompt(text, "summarize: ", "\nMinutes:")
    counts = [embedding_count(split_windows(each), net.connector.shape) for each in recordings]
    audio = heard(net, recordings, [1, 1])
    assert [len(each) for each in audio] == counts
    batch = prompt_batch(text, frame, counts)
    tokens = net.text.generate(
        inputs_embeds=net.embed(batch["tokens"], batch["audio_positions"], audio),
        attention_mask=batch["attention_mask"], max_new_tokens=6, min_new_tokens=6, do_sample=False,
    )  # fmt: skip
    first = [row[-6:-1].tolist() for row in tokens]  # the last token is forced to be the end token of mBART
    # mBART takes the language token after the end of a target as its start.
    behind = [text.tokenizer.eos_token_id, text.net.config.decoder_start_token_id] if kind == "mbart" else []
    batch = training_batch(text, frame, counts, [[*row, *behind] for row in first])
    predicted = net.logits(net.embed(batch["tokens"], batch["audio_positions"], audio), batch).argmax(-1)[:, :5]
    # min_new_tokens forbids the end token, which the training pass allows.
    ends = torch.isin(predicted, torch.tensor(text.net.generation_config.eos_token_id))
    assert bool(((predicted == torch.tensor(first)) | ends).all())
    assert not bool(ends.all())


def test_audio_too_long_for_the_text_model_is_refused(speech_model: Callable[[str], SpeechModel]) -> None:
    with pytest.raises(PromptTooLong, match=r"do not fit the 256 .* options\.stack"):
        speech_model("decoder").write([noise(90.0)], 8)
