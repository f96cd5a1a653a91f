"""Formats and weights that `export` can write."""

from __future__ import annotations

from enum import StrEnum


class MergedModelFormat(StrEnum):
    TRANSFORMERS = "transformers"
    CTRANSLATE2 = "ctranslate2"


class ExportWeights(StrEnum):
    """The number format of the weights. `int8`, with activations in the type that suits the machine, is for CTranslate2
    only.
    """

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
