"""Small models with random weights in the layouts that the workers load.

The text models have a real SentencePiece tokenizer, trained here on the sentences that they learn.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from workers.asr.weights.source import resolve

CACHE = Path(os.environ.get("MINUTEBOOK_MODEL_DIR", Path(__file__).parents[2] / "var/models"))
TEXTS = (
    "The boiler lost pressure twice and nobody has a key.",
    "Anna writes to the landlord about the boiler.",
    "We meet again on Monday, and Ben brings the plan of the second floor.",
    "The price of the screws rose by ten percent.",
    "Clara asks two other suppliers for an offer.",
    "The heating works again.",
)
WIDTH = 64
"""A multiple of 64, the block size of bitsandbytes in four bits."""


def save_whisper(folder: Path) -> Path:
    """A Whisper model of two layers with the real tokenizer of tiny.en."""
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    source = resolve("package:tiny.en", CACHE)
    folder.mkdir(parents=True)
    build: Any = WhisperConfig
    config = build(
        vocab_size=51864, d_model=WIDTH, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=128, decoder_ffn_dim=128, num_mel_bins=80,
        pad_token_id=50256, bos_token_id=50256, eos_token_id=50256, decoder_start_token_id=50257,
    )  # fmt: skip
    torch.manual_seed(3)
    WhisperForConditionalGeneration(config).save_pretrained(folder)
    for name in ("tokenizer.json", "generation_config.json", "preprocessor_config.json"):
        shutil.copy(source / name, folder)
    # The alignment heads of the real model do not exist in this one.
    facts = folder / "generation_config.json"
    facts.write_text(facts.read_text().replace('"alignment_heads"', '"alignment_heads_of_tiny"'))
    return folder


def _sentence_piece(path: Path, **options: Any) -> None:
    import sentencepiece

    path.parent.mkdir(parents=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 10), model_prefix=str(path), vocab_size=90, hard_vocab_limit=False,
        minloglevel=2, **options,
    )  # fmt: skip
    path.with_name(f"{path.name}.vocab").unlink()
    path.with_name(f"{path.name}.model").rename(path)


def save_t5(folder: Path) -> Path:
    from transformers import T5Config, T5ForConditionalGeneration, T5Tokenizer

    pieces = folder / "pieces/spiece.model"
    _sentence_piece(pieces, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    tokenizer: Any = T5Tokenizer.from_pretrained(pieces.parent, model_max_length=128)
    build: Any = T5Config
    config = build(
        vocab_size=len(tokenizer), d_model=WIDTH, d_kv=32, d_ff=128, num_layers=2, num_heads=2,
        decoder_start_token_id=0, eos_token_id=1, pad_token_id=0, dropout_rate=0.0,
    )  # fmt: skip
    torch.manual_seed(3)
    return _saved(folder, T5ForConditionalGeneration(config), tokenizer)


def save_mbart(folder: Path) -> Path:
    from transformers import MBartConfig, MBartForConditionalGeneration, MBartTokenizer

    pieces = folder / "pieces/sentencepiece.bpe.model"
    _sentence_piece(pieces)
    tokenizer: Any = MBartTokenizer.from_pretrained(
        pieces.parent, src_lang="en_XX", tgt_lang="en_XX", model_max_length=128
    )
    build: Any = MBartConfig
    config = build(
        vocab_size=len(tokenizer), d_model=WIDTH, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=128, decoder_ffn_dim=128, max_position_embeddings=128, dropout=0.0,
        decoder_start_token_id=tokenizer.convert_tokens_to_ids("en_XX"),
    )  # fmt: skip
    torch.manual_seed(3)
    return _saved(folder, MBartForConditionalGeneration(config), tokenizer)


def save_decoder(folder: Path) -> Path:
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, T5Tokenizer

    pieces = folder / "pieces/spiece.model"
    _sentence_piece(pieces, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    tokenizer: Any = T5Tokenizer.from_pretrained(pieces.parent, model_max_length=256, extra_ids=0)
    build: Any = Gemma3TextConfig
    config = build(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=32, max_position_embeddings=256, eos_token_id=1, pad_token_id=0, bos_token_id=1,
    )  # fmt: skip
    torch.manual_seed(3)
    return _saved(folder, Gemma3ForCausalLM(config), tokenizer)


def _saved(folder: Path, net: Any, tokenizer: Any) -> Path:
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    shutil.rmtree(folder / "pieces")
    return folder


KINDS: dict[str, Callable[[Path], Path]] = {
    "whisper": save_whisper,
    "t5": save_t5,
    "mbart": save_mbart,
    "decoder": save_decoder,
}
RECIPES = {"whisper": "whisper", "t5": "summarize", "mbart": "summarize", "decoder": "summarize"}
