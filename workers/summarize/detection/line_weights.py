"""Writes the weights of the line encoder to the cache: the lower layers of Gemma 3 270M, and its tokenizer.

The file in the package is read once. Token embeddings stay in blocks of eight bits and are mapped, so a process has
only the rows in memory that its words need.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from workers.models.cache import made_once
from workers.summarize.writing.weights import BUNDLED, assemble

MODEL = "gemma-3-270m"
LAYERS = 9
"""The lower half of the model. On development meetings its states tell decisions and tasks best."""
WEIGHTS, EMBEDDINGS, TOKENIZER = "layers.safetensors", "embeddings.safetensors", "tokens.model"
EMBEDDING_ROWS = "rows"
_NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_norm": "input_layernorm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""What llama.cpp and transformers call the weights of a layer."""


def line_weights(cache_dir: Path) -> Path:
    """The folder of the encoder's weights. It is written once, in about 20 s."""
    return made_once(cache_dir / f"{MODEL}-lines", partial(_write, BUNDLED[MODEL]))


def _write(package: str, folder: Path) -> None:
    from gguf import GGUFReader

    source = folder / "source"
    file = assemble(package, source)
    read = GGUFReader(file)
    tensors = {tensor.name: tensor for tensor in read.tensors}
    save_file(_layers(tensors), folder / WEIGHTS)
    save_file({EMBEDDING_ROWS: np.ascontiguousarray(tensors["token_embd.weight"].data)}, folder / EMBEDDINGS)
    (folder / TOKENIZER).write_bytes(_tokenizer(read))
    file.unlink()
    source.rmdir()


def _layers(tensors: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """The weights of the lower layers, as transformers names them."""
    from gguf import dequantize

    found = {}
    for at in range(LAYERS):
        for ours, theirs in _NAMES.items():
            tensor = tensors[f"blk.{at}.{ours}.weight"]
            weights = dequantize(tensor.data, tensor.tensor_type)
            # llama.cpp stores the factors of Gemma's norms, transformers what is added to one.
            found[f"layers.{at}.{theirs}.weight"] = weights - 1 if ours.endswith("norm") else weights.astype(np.float16)
    return found


def _tokenizer(read: Any) -> bytes:
    """The tokenizer in the form of sentencepiece, which needs a tenth of the memory of one in JSON."""
    from sentencepiece import sentencepiece_model_pb2

    words, scores, kinds = (read.fields[f"tokenizer.ggml.{name}"] for name in ("tokens", "scores", "token_type"))
    model: Any = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
    model.trainer_spec.model_type = model.trainer_spec.BPE
    model.trainer_spec.byte_fallback = True
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = False
    model.normalizer_spec.remove_extra_whitespaces = False
    for word, score, kind in zip(words.data, scores.data, kinds.data, strict=True):
        model.pieces.add(
            piece=bytes(words.parts[word]).decode(),
            score=float(scores.parts[score][0]),
            type=int(kinds.parts[kind][0]),
        )
    return bytes(model.SerializeToString())
