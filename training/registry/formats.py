"""What `export` writes."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    TRANSFORMERS = "transformers"
    CTRANSLATE2 = "ctranslate2"


class Weights(StrEnum):
    """The numbers that are written. CTranslate2 has `int8` too, with activations as the machine does them best."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
