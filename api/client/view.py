"""The current view of a meeting, built from its events."""

from __future__ import annotations

from dataclasses import dataclass, field

from schema.core.events import Event
from schema.core.states import MeetingState, SummaryKind
from schema.meetings.wire import CoverageTotals, MinutesOut, SegmentOut


@dataclass
class MeetingView:
    """Built from events; an event that arrives twice changes nothing."""

    segments: dict[int, SegmentOut] = field(default_factory=dict)
    partials: dict[str, str] = field(default_factory=dict)
    """Words that may still change, by track."""
    minutes: MinutesOut | None = None
    rolling_versions: set[int] = field(default_factory=set)
    coverage: CoverageTotals = field(default_factory=CoverageTotals)
    state: MeetingState = MeetingState.LIVE
    connection: str = ""
    """The reason why the client is reconnecting; empty while it is connected."""

    def take(self, event: Event) -> None:
        """Update the view by *event*."""
        match event.type:
            case "segment":
                segment = SegmentOut.model_validate(event.data)
                self.segments[segment.id] = segment
                self.partials.pop(segment.track, None)
            case "partial":
                self.partials[event.data["track"]] = event.data["text"]
            case "minutes":
                self._take_minutes(MinutesOut.model_validate(event.data))
            case "coverage":
                totals = {name: event.data[name] for name in CoverageTotals.model_fields if name in event.data}
                self.coverage = CoverageTotals.model_validate(totals)
            case "state":
                self.state = MeetingState(event.data["state"])
                self.connection = ""
            case "connection":
                self.connection = event.data["reason"]

    def _take_minutes(self, minutes: MinutesOut) -> None:
        if minutes.kind == SummaryKind.ROLLING:
            self.rolling_versions.add(minutes.version)
        if self.minutes is None or self.minutes.kind != SummaryKind.FINAL or minutes.kind == SummaryKind.FINAL:
            self.minutes = minutes

    @property
    def final(self) -> MinutesOut | None:
        """The final minutes, None while there are only rolling ones."""
        return self.minutes if self.minutes and self.minutes.kind == SummaryKind.FINAL else None

    @property
    def text(self) -> str:
        """The transcript of all tracks, in order of time."""
        ordered = sorted(self.segments.values(), key=lambda segment: (segment.start_s, segment.id))
        return " ".join(segment.text.strip() for segment in ordered)
