"""The producers that are connected to this process, and how much of their audio they were told is received."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from api.live.track_writer import TrackWriter


class Producers:
    """Holds a producer until its connection ends."""

    def __init__(self) -> None:
        self._writers: WeakSet[TrackWriter] = WeakSet()

    def add(self, writer: TrackWriter) -> None:
        self._writers.add(writer)

    def told_samples(self, meeting_id: str) -> dict[str, int]:
        """The end of the audio that the producers of a meeting were told is received, by track id."""
        told: dict[str, int] = {}
        for writer in list(self._writers):
            place = writer.place
            if place.meeting_id == meeting_id:
                told[place.track_id] = max(told.get(place.track_id, 0), writer.told_sample)
        return told
