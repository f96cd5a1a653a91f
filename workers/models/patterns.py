"""Patterns of layer names in an adapter's configuration, replaced by the names of the layers that they mean.

PEFT matches them with Python's `re`, which has no time limit, and an adapter may come from a stranger: one expression
such as `(.+)+x` would hold a worker for ever.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import regex

from schema.core.errors import AdapterMismatch

PATTERN_CHARACTERS = 500
PATTERNS_LIMIT = 10_000
"""As many layers as a large model has, for PEFT may name each of them."""
MATCH_LIMIT_S = 2.0
SHOWN_CHARACTERS = 80


def replace_patterns(config: Any, layers: Collection[str], folder: Path) -> None:
    """Replace every pattern in the LoRA *config* of the adapter in *folder*, which has weights for *layers*.

    Raises AdapterMismatch for an expression that is too long, invalid, or takes too long.
    """
    chooses = config.exclude_modules or config.layers_to_transform or config.layers_pattern
    if chooses or not isinstance(config.target_modules, (list, set)):
        config.target_modules = set(layers)
        config.exclude_modules = config.layers_to_transform = config.layers_pattern = None
    give_up_s = time.monotonic() + MATCH_LIMIT_S
    for name in ("rank_pattern", "alpha_pattern"):
        values: Mapping[str, Any] = getattr(config, name) or {}
        if len(values) > PATTERNS_LIMIT:
            raise AdapterMismatch(f"{name} of the adapter in {folder} has {len(values)} entries, more than a model has")
        try:
            setattr(config, name, _by_layer(values, layers, give_up_s))
        except (ValueError, TimeoutError, regex.error) as error:
            raise AdapterMismatch(
                f"{name} of the adapter in {folder} is refused: {error}. Write the names of layers instead."
            ) from error


def _by_layer(values: Mapping[str, Any], layers: Collection[str], give_up_s: float) -> dict[str, Any]:
    """The value of each layer, under an expression that means this layer only. The first match decides, as in PEFT."""
    found: dict[str, Any] = {}
    for pattern, value in values.items():
        if len(pattern) > PATTERN_CHARACTERS:
            raise ValueError(f"'{pattern[:SHOWN_CHARACTERS]}…' has more than {PATTERN_CHARACTERS} characters")
        expression = regex.compile(rf"(.*\.)?({pattern})$")
        for layer in layers:
            if layer not in found and _matches(expression, layer, pattern, give_up_s):
                found[layer] = value
    return {regex.escape(layer): value for layer, value in found.items()}


def _matches(expression: regex.Pattern[str], layer: str, pattern: str, give_up_s: float) -> bool:
    left_s = give_up_s - time.monotonic()
    try:
        if left_s > 0:
            return expression.match(layer, timeout=left_s) is not None
    except TimeoutError:
        pass
    raise TimeoutError(f"matching '{pattern[:SHOWN_CHARACTERS]}' takes more than {MATCH_LIMIT_S:g} s")
