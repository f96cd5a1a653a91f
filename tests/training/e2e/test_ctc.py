"""The CTC connector: its loss is that of CTC, and it gives the text model embeddings like those of text."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import ctc_loss, one_hot

from training.e2e.connector import ConnectorShape
from training.e2e.ctc import CtcConnector, collapse_repeats, summed_ctc_loss

TABLE = torch.arange(40.0).view(10, 4)
"""Embeddings of ten tokens of a text model."""
BLANK = 3


def connector() -> CtcConnector:
    torch.manual_seed(4)
    shape = ConnectorShape(6, 4, stack=2, downsample=1, hidden=8, layers=2, vocabulary=3)
    return CtcConnector(shape, torch.tensor([2, 5, 7])).eval()


def test_loss_and_gradient_equal_those_of_ctc_over_all_classes() -> None:
    torch.manual_seed(0)
    scores = torch.randn(3, 20, 12, requires_grad=True)
    lengths, counts = torch.tensor([20, 15, 9]), torch.tensor([3, 4, 1])
    classes = torch.tensor([1, 1, 5, 7, 2, 2, 3, 0])
    ours = summed_ctc_loss(scores.log_softmax(-1), lengths, classes, counts, 11)
    theirs = ctc_loss(scores.log_softmax(-1).transpose(0, 1), classes, lengths, counts, blank=11, reduction="sum")
    assert ours.item() == pytest.approx(theirs.item())
    [our_slope] = torch.autograd.grad(ours, scores)
    [their_slope] = torch.autograd.grad(theirs, scores)
    assert torch.allclose(our_slope, their_slope, atol=1e-6)


@pytest.mark.parametrize(
    ("best", "left"),
    [([0, 0, BLANK, 0, 1, 1], [0, 0, 1]), ([BLANK, 2], [2]), ([BLANK, BLANK], []), ([1], [1])],
)
def test_repeated_neighbours_become_one_and_blanks_are_dropped(best: list[int], left: list[int]) -> None:
    probabilities = 0.8 * one_hot(torch.tensor(best), 4) + 0.05
    kept = collapse_repeats(probabilities, BLANK)
    assert kept.argmax(-1).tolist() == left
    assert torch.allclose(kept.sum(-1), torch.ones(len(left)))


def test_joined_positions_get_the_mean_of_their_probabilities() -> None:
    probabilities = torch.tensor([[0.6, 0.2, 0.1, 0.1], [0.8, 0.0, 0.1, 0.1]])
    assert collapse_repeats(probabilities, BLANK).tolist() == [pytest.approx([1.4 / 1.8, 0.2 / 1.8, 0.2 / 1.8])]


def test_a_recording_gets_the_same_probabilities_in_a_batch_with_a_longer_one() -> None:
    ours = connector()
    short, long = torch.randn(7, 12), torch.randn(19, 12)
    alone = ours.log_probabilities([short])[0]
    assert torch.allclose(ours.log_probabilities([long, short])[1, :7], alone, atol=1e-5)


def test_certain_tokens_give_the_embeddings_of_the_text_model() -> None:
    ours = connector()
    with torch.no_grad():
        ours.classes.weight *= 1000
    stacked = torch.randn(30, 12)
    [heard], [tokens] = ours([stacked], TABLE.__getitem__), ours.greedy_tokens([stacked])
    assert tokens
    assert set(tokens) <= {2, 5, 7}
    assert torch.allclose(heard, TABLE[tokens], atol=0.1)


def test_gradients_of_the_embeddings_reach_the_connector() -> None:
    ours = connector()
    [heard] = ours([torch.randn(30, 12)], TABLE.__getitem__)
    heard.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in ours.parameters())
