"""The registry of adapters as it crosses the doors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schema.core.errors import InvalidInput
from schema.core.states import AdapterMove, AdapterState, AdapterTask
from schema.core.wire import Wire


class AdapterOut(Wire):
    """A version. `label` is what segments and minutes say; `rank` is the largest of any layer."""

    label: str
    task: AdapterTask
    name: str
    version: int
    state: AdapterState
    base_model: str
    base_checksum: str
    method: str
    rank: int
    precision: str
    audio_context: bool
    data_fingerprint: str | None
    checksum: str
    size_bytes: int
    metrics: dict[str, Any]
    facts: dict[str, Any]
    created_at: datetime


class DecisionOut(Wire):
    """`replaced` is the version that served until then; None for the bare model."""

    move: AdapterMove
    adapter: str
    replaced: str | None
    decided_by: str
    forced: bool
    reason: str | None
    figures: dict[str, Any]
    created_at: datetime


class AdapterList(Wire):
    adapters: list[AdapterOut]


class AdapterHistory(Wire):
    """Of one name: its versions and what was decided about them, each the newest first."""

    versions: list[AdapterOut]
    decisions: list[DecisionOut]


LABEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(@[1-9][0-9]{0,5})?$"


@dataclass(frozen=True, slots=True)
class AdapterLabel:
    """`clinic`, or `clinic@3` for one version of it."""

    name: str
    version: int | None = None

    @classmethod
    def parse(cls, text: str) -> AdapterLabel:
        """Raises InvalidInput."""
        if not re.fullmatch(LABEL_PATTERN, text):
            raise InvalidInput(
                f"'{text[:80]}' is no name of an adapter; use letters, digits, '_' and '-' (64 at most), "
                "and NAME@VERSION for one version"
            )
        name, _, version = text.partition("@")
        return cls(name, int(version) if version else None)
