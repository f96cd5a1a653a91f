"""BERTScore of a small random encoder compared with its definition, word by word."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModel, BertConfig, BertModel, BertTokenizer

from schema.core.errors import BrokenModel
from training.metrics.embeddings import BertScore

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *["the", "price", "rose", "costs", "went", "up", "cat"]]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    BertModel(config).save_pretrained(folder)
    return folder


def test_a_text_has_score_1_with_itself(encoder: Path) -> None:
    [same] = BertScore(str(encoder)).score(["the price rose"], ["the price rose"])
    assert (same.precision, same.recall, same.f1) == pytest.approx((1, 1, 1))


def test_the_scores_follow_the_definition(encoder: Path) -> None:
    reference, summary = "the price rose", "costs went up"
    [found] = BertScore(str(encoder), layer=1).score([reference], [summary])
    net = AutoModel.from_pretrained(encoder).eval()
    wanted, got = (_states(net, text) for text in (reference, summary))
    cosine = torch.nn.functional.cosine_similarity
    precision = sum(max(float(cosine(a, b, dim=0)) for b in wanted) for a in got[1:-1]) / 3
    recall = sum(max(float(cosine(a, b, dim=0)) for a in got) for b in wanted[1:-1]) / 3
    assert found.precision == pytest.approx(precision, abs=1e-5)
    assert found.recall == pytest.approx(recall, abs=1e-5)
    assert found.f1 == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-5)


def _states(net: torch.nn.Module, text: str) -> list[torch.Tensor]:
    ids = [WORDS.index(word) for word in ("[CLS]", *text.split(), "[SEP]")]
    with torch.inference_mode():
        return list(net(torch.tensor([ids]), output_hidden_states=True).hidden_states[1][0])


def test_a_text_without_words_has_score_0(encoder: Path) -> None:
    [found] = BertScore(str(encoder)).score(["the price rose"], [""])
    assert found.precision == 0.0
    assert found.f1 == 0.0


def test_a_folder_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match="cannot be loaded as a text encoder"):
        BertScore(str(tmp_path))
