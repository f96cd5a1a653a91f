"""Reads CTranslate2 Whisper files as Hugging Face tensors.

`model.bin` is a header and a list of (name, shape, type, bytes). In a self-attention, `linear_0` is q, k and v stacked.
In a cross-attention, `linear_0` is q, and `linear_1` is k and v stacked. Whisper's keys have no bias; the file has
zeros there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schema.core.errors import BrokenModel

Tensors = dict[str, NDArray[Any]]

_TYPES: dict[int, str] = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_SELF = {"linear_0": ("q_proj", "k_proj", "v_proj"), "linear_1": ("out_proj",)}
_CROSS = {"linear_0": ("q_proj",), "linear_1": ("k_proj", "v_proj"), "linear_2": ("out_proj",)}
_ATTENTIONS = {"self_attention": ("self_attn", _SELF), "attention": ("encoder_attn", _CROSS)}
_NORM = {"gamma": "weight", "beta": "bias"}


def read_tensors(data: bytes) -> Tensors:
    """All tensors of a `model.bin`, as views of *data*. Raises BrokenModel if the bytes do not parse."""
    try:
        return dict(_walk(data))
    except (struct.error, ValueError, KeyError, IndexError) as error:
        raise BrokenModel(f"model.bin is not a complete CTranslate2 file: {error}. Reinstall the package.") from error


def _walk(data: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
    _, at = _string(data, 4)
    _, count = struct.unpack_from("<II", data, at)
    at += 8
    for _ in range(count):
        name, at = _string(data, at)
        rank = data[at]
        shape = struct.unpack_from(f"<{rank}I", data, at + 1)
        at += 1 + 4 * rank
        kind, size = struct.unpack_from("<BI", data, at)
        at += 5
        dtype = np.dtype(_TYPES[kind])
        yield name, np.frombuffer(data, dtype, size // dtype.itemsize, at).reshape(shape)
        at += size


def _string(data: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from("<H", data, at)
    return data[at + 2 : at + 1 + size].decode(), at + 2 + size


def hugging_face_tensors(tensors: Tensors) -> Tensors:
    """Rename and split *tensors* as transformers' `WhisperForConditionalGeneration` names them."""
    renamed: Tensors = {}
    for name, value in tensors.items():
        if value.ndim:
            renamed.update(_rename(name, value))
    return renamed


def _rename(name: str, value: NDArray[Any]) -> Tensors:
    side, *path = name.split("/")
    if path[-1] == "alignment_heads":
        return {}
    if path[0] == "embeddings":
        return {f"model.{side}.embed_tokens.weight": value}
    if path[0] == "position_encodings":
        return {f"model.{side}.embed_positions.weight": value}
    if path[0] == "layer_norm":
        return {f"model.{side}.layer_norm.{_NORM[path[1]]}": value}
    if path[0].startswith("conv"):
        return {f"model.{side}.{path[0]}.{path[1]}": value}
    return _rename_layer(f"model.{side}.layers.{path[0].removeprefix('layer_')}", path[1:], value)


def _rename_layer(stem: str, path: list[str], value: NDArray[Any]) -> Tensors:
    block, part, kind = path
    if block == "ffn":
        target = "final_layer_norm" if part == "layer_norm" else {"linear_0": "fc1", "linear_1": "fc2"}[part]
        return {f"{stem}.{target}.{_NORM.get(kind, kind)}": value}
    attention, stacks = _ATTENTIONS[block]
    if part == "layer_norm":
        return {f"{stem}.{attention}_layer_norm.{_NORM[kind]}": value}
    targets = stacks[part]
    pieces = zip(targets, np.split(value, len(targets)), strict=True)
    return {
        f"{stem}.{attention}.{target}.{kind}": piece for target, piece in pieces if (target, kind) != ("k_proj", "bias")
    }
