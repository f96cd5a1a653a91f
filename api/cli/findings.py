"""What a check of `minutebook doctor` reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from schema.core.settings import Settings


class Health(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    part: str
    health: Health
    text: str
    remedy: str = ""


Check = Callable[[Settings], Iterator[Finding]]
