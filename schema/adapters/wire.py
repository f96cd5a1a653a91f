"""The registry of adapters as it crosses the doors."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schema.core.states import AdapterMove, AdapterState, AdapterTask
from schema.meetings.wire import Wire


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
