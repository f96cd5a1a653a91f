"""Answers that hold several of `schema.meetings.wire`'s rows."""

from __future__ import annotations

from pydantic import Field

from schema.meetings.wire import CoverageTotals, MeetingOut, NoteOut, SegmentOut, TrackCoverage, Wire


class MeetingPage(Wire):
    """The newest first. `next_cursor` is given while there are more."""

    meetings: list[MeetingOut]
    next_cursor: str | None = None


class Transcript(Wire):
    """All tracks by time. `last_seq` is where `GET .../events?after=` goes on."""

    meeting_id: str
    last_seq: int
    segments: list[SegmentOut]


class CoverageOut(Wire):
    totals: CoverageTotals
    tracks: list[TrackCoverage]


class NotesOut(Wire):
    notes: list[NoteOut]


class Part(Wire):
    """A part of the system and whether it can be used."""

    ok: bool
    detail: str


class Readiness(Wire):
    ready: bool
    parts: dict[str, Part]


class ShardStatus(Wire):
    shard: int
    waiting_tracks: int
    due_tracks: int
    leased_tracks: int
    pending_s: float


class SystemStatus(Wire):
    """`pending_s` is audio received and not yet transcribed, of all meetings together."""

    pending_s: float
    shards: list[ShardStatus]
    followed_meetings: int = Field(description="Meetings that somebody follows at this API process")
