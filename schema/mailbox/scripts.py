"""The Lua sources: each script is its first line (flags), the common prelude, and its own body."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("lua")
NAMES = ("open", "append", "skip", "close", "due", "claim", "read", "extend", "release", "forget", "status", "depth")


@cache
def source(name: str) -> str:
    """The whole text of a script as it goes to the server."""
    flags, body = (FOLDER / f"{name}.lua").read_text().split("\n", 1)
    return f"{flags}\n{(FOLDER / 'prelude.lua').read_text()}\n{body}"
