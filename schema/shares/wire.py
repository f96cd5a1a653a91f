"""Wire types of share links."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, ConfigDict, Field

from schema.core.states import ShareScope
from schema.core.wire import Shown, Wire
from schema.meetings.wire import MinutesOut, SegmentOut, TrackCoverage

SHARE_DAYS, SHARE_DAYS_LIMIT = 7, 366


class NewShare(Wire):
    """What a link shows, and until when: a week if `ends_at` is left out, a year at most."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scope": "transcript", "ends_at": "2026-03-09T12:00:00Z"}]}
    )
    scope: ShareScope = ShareScope.MINUTES
    ends_at: AwareDatetime | None = None


class ShareOut(Wire):
    id: str
    scope: ShareScope
    created_at: datetime
    ends_at: datetime
    revoked_at: datetime | None = None


class CreatedShare(ShareOut):
    """`token` is shown only once. The link is the address of the server and `path`."""

    token: str
    path: str


class ShareList(Wire):
    shares: list[ShareOut]


class SharedMeeting(Wire):
    """What somebody with a link may see. `segments`, `coverage` and `audio_s` are empty beyond the scope.

    What is off the record is left out.
    """

    title: Shown
    language: str
    started_at: datetime
    duration_s: float
    participants: list[Shown] = Field(default_factory=list)
    scope: ShareScope
    ends_at: datetime
    minutes: MinutesOut | None = None
    segments: list[SegmentOut] = Field(default_factory=list)
    coverage: list[TrackCoverage] = Field(default_factory=list)
    audio_s: float | None = None
