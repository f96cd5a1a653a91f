"""A claim of the minutes: what is checked against the lines of a meeting."""

from __future__ import annotations

from dataclasses import dataclass

from schema.minutes.ledger import ItemKind


@dataclass(frozen=True, slots=True)
class MinutesClaim:
    """An item as minutes would state it. `evidence` are the ids of the segments that it is said to rest on."""

    kind: ItemKind
    text: str
    evidence: tuple[int, ...]
    owner: str | None = None
    due: str | None = None
