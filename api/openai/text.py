"""Text that grows: what is new in a transcript's segments, as pieces that join to the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schema.meetings.wire import SegmentOut


@dataclass
class Growth:
    """Of one track: its segments come in order, and each only grows at its end. `text` is all of it so far."""

    text: str = ""
    _lengths: dict[int, int] = field(default_factory=dict)

    def take(self, segment: Mapping[str, Any]) -> str:
        """What a `segment` event adds to the text."""
        known = self._lengths.get(segment["id"], 0)
        new = str(segment["text"])[known:]
        self._lengths[segment["id"]] = known + len(new)
        delta = f" {new}" if new and not known and self.text else new
        self.text += delta
        return delta


def joined(segments: Sequence[SegmentOut]) -> str:
    """The whole text, as `Growth` joins it."""
    return " ".join(segment.text for segment in segments if segment.text)
