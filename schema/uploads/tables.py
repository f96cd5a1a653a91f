"""Uploads in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Enum,
    ForeignKey,
    Index,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from schema.core.states import AUTO_STREAMS, Channels, UploadState
from schema.core.tables import Base, now
from schema.meetings.tables import Meeting
from schema.uploads.failures import UploadFailure

FAILURE = Enum(
    UploadFailure,
    native_enum=False,
    length=100,
    validate_strings=True,
    values_callable=lambda failures: [each.value for each in failures],
)
"""Stored as text. Only members of `UploadFailure` can be written."""


class Upload(Base):
    """An uploaded file and its way into a meeting of its own.

    * `name` is only shown to people. The stored file is named by its id.
    * `received_bytes` of `size_bytes` are stored. Audio before `decoded_sample` has been put into the mailboxes.
    * `streams` chooses the sound streams of the file that are read; see `Streams` in `schema.uploads.wire`.
    * `media` describes the content that was found in the file. `started_at` is the start of the first decoding.
    * `sha256` is the sender's claim until the file is complete, and the computed value afterwards.
    * `again` accepts the file even if the owner has sent it before.
    * `answer_by` is set if the transcript is the answer to a request. The upload and its meeting are deleted with the
      answer, or at this time if the request has died. Lists leave out such an upload once it has ended.
    * `file_of` is the upload whose file this one reads, None for its own file; see `schema.meetings.versions`.
    * `audio_of` is the meeting whose kept audio is read instead of a file.
    """

    __tablename__ = "uploads"
    __table_args__ = (Index(None, "owner", "created_at"), Index(None, "state", "priority"), Index(None, "sha256"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey(Meeting.id, ondelete="CASCADE"), unique=True)
    owner: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(300), default="")
    state: Mapped[str] = mapped_column(String(16), default=UploadState.RECEIVING)
    priority: Mapped[int] = mapped_column(default=0)
    paused: Mapped[bool] = mapped_column(default=False)
    channels: Mapped[str] = mapped_column(String(8), default=Channels.MIX)
    streams: Mapped[str] = mapped_column(String(200), default=AUTO_STREAMS, server_default=AUTO_STREAMS)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    received_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str | None] = mapped_column(String(64))
    media: Mapped[dict[str, Any]] = mapped_column(default=dict)
    duration_samples: Mapped[int | None] = mapped_column(BigInteger)
    decoded_sample: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    again: Mapped[bool] = mapped_column(default=False)
    duplicate_of: Mapped[str | None] = mapped_column(String(32))
    file_of: Mapped[str | None] = mapped_column(String(32), index=True)
    audio_of: Mapped[str | None] = mapped_column(String(32), index=True)
    reason: Mapped[UploadFailure | None] = mapped_column(FAILURE)
    detail: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    answer_by: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    file_deleted_at: Mapped[datetime | None]
