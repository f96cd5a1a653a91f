"""Real models, loaded once for the whole test session, and small ones that tests write."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from workers.asr.engine import Engine, load_engine
from workers.summarize.detection.line_encoder import LineEncoder
from workers.summarize.detection.line_weights import line_weights
from workers.summarize.writing.model import TextModel, load_model

ROOT = Path(__file__).parents[1]
FOLDER = Path(os.environ.get("MINUTEBOOK_MODEL_DIR", ROOT / "var/models"))


@lru_cache(maxsize=1)
def whisper() -> Engine:
    """tiny.en as the worker runs it."""
    # Several threads wait for each other whenever anything else runs on the machine.
    torch.set_num_threads(1)
    return load_engine("package:tiny.en", FOLDER)


@lru_cache(maxsize=1)
def gemma() -> TextModel:
    """The default model of the summarizer."""
    return load_model("package:gemma-3-270m", FOLDER, threads=1)


@lru_cache(maxsize=1)
def line_encoder() -> LineEncoder:
    """What the detector reads lines with."""
    return LineEncoder.load(line_weights(FOLDER))


_WORDS = "the boiler lost pressure twice and now nobody has a key . summarize :"
VOCABULARY = ("<pad>", "</s>", "<unk>", *_WORDS.split())


def save_tokenizer(folder: Path, limit: int) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({word: at for at, word in enumerate(VOCABULARY)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    build: Any = PreTrainedTokenizerFast
    build(
        tokenizer_object=inner,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=limit,
    ).save_pretrained(folder)


def write_decoder(folder: Path, context_tokens: int = 48) -> Path:
    """Write a decoder-only model of two layers."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=context_tokens,
        bos_token_id=1,
        eos_token_id=1,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    save_tokenizer(folder, context_tokens)
    return folder


def write_t5(folder: Path) -> Path:
    """Write an encoder-decoder model of two layers with a context of 32 tokens."""
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(5)
    build: Any = T5Config
    config = build(
        vocab_size=len(VOCABULARY),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        decoder_start_token_id=0,
        eos_token_id=1,
        pad_token_id=0,
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)
    save_tokenizer(folder, 32)
    return folder


def write_text_adapter(base: Path, folder: Path, kind: str = "lora", seed: int = 7) -> Path:
    """Write an adapter for the decoder in *base* with random weights, which change its texts."""
    from peft import AdaLoraConfig, LoraConfig
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    net: Any = AutoModelForCausalLM.from_pretrained(base)
    common: dict[str, Any] = {"lora_alpha": 32, "target_modules": ["q_proj", "v_proj", "down_proj"]}
    net.add_adapter(LoraConfig(r=4, **common) if kind == "lora" else AdaLoraConfig(init_r=4, total_step=10, **common))
    for name, weight in net.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight)
    net.save_pretrained(folder)
    return folder
