"""Examples of uploads for the API's reference; see `api.http.examples`."""

from __future__ import annotations

from datetime import timedelta

from api.http.examples import BEGAN, MEETING, MEETINGS
from schema.core.states import Channels, UploadState
from schema.uploads.wire import UploadOut, UploadPage

UPLOAD = UploadOut(
    id="91b1f3d0c2a94be5a3a7d2aa",
    meeting_id=MEETING.id,
    name="launch.mp4",
    state=UploadState.TRANSCRIBING,
    priority=0,
    paused=False,
    channels=Channels.MIX,
    size_bytes=48_213_110,
    received_bytes=48_213_110,
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    media={"container": "mov,mp4,m4a,3gp,3g2,mj2", "codec": "aac", "rate_hz": 48_000, "channels": 2, "video": True},
    duration_s=3600.0,
    decoded_s=3600.0,
    transcribed_s=1800.0,
    percent=50.0,
    speed=45.0,
    left_s=40.0,
    duplicate_of="1d3bf0c2a94be5a3a7d291b1",
    reason="too_long",
    detail="Why it ended, and what to do",
    created_at=BEGAN,
    expires_at=BEGAN + timedelta(days=1),
    finished_at=BEGAN + timedelta(minutes=3),
    file_deleted_at=BEGAN + timedelta(days=30),
)
UPLOADS = UploadPage(uploads=[UPLOAD], next_cursor=MEETINGS.next_cursor)
