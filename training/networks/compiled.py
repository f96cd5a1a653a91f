"""Compiles the repeated blocks of a network, so that their many small operations run as a few large ones."""

from __future__ import annotations

import os
import shutil
from typing import Any

from schema.core.errors import InvalidConfig


def compile_blocks(net: Any, device: str) -> None:
    """Compile the blocks of *net*, those that `transformers` keeps whole. The first steps then take a minute more.

    Raises InvalidConfig if the network names no blocks, or if a CPU lacks a C++ compiler.
    """
    if device == "cpu" and shutil.which(os.environ.get("CXX", "g++")) is None:
        raise InvalidConfig("compile=true needs a C++ compiler on a CPU. Install g++, or set compile=false.")
    names = frozenset(getattr(net, "_no_split_modules", None) or ())
    blocks = [module for module in net.modules() if type(module).__name__ in names]
    if not blocks:
        raise InvalidConfig(f"{type(net).__name__} names no blocks that could be compiled. Set compile=false.")
    for block in blocks:
        block.compile(dynamic=True)
