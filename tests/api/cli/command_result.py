"""The result of a run of `minutebook`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandResult:
    status: int
    out: str
    err: str


RunMinutebook = Callable[..., CommandResult]
"""Runs `minutebook ARGUMENTS`."""
