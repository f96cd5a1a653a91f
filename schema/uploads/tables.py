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

from schema.core.states import Channels, UploadState
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
"""Text in the database; nothing but a member of `UploadFailure` can be written."""


class Upload(Base):
    """A file on its way to a meeting of its own. `name` is for people only; on disk the file is called by its id.

    `received_bytes` of `size_bytes` are stored; `decoded_sample` is how far it has been put into mailboxes.
    `media` is what was found in the file, never what its name says. `started_at` is when it was first decoded.
    `sha256` is the sender's claim until the file is whole; `again` says that it is wanted even if it is known.
    `file_of` is the upload whose file it reads, None for its own: see `schema.meetings.versions`.
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
    reason: Mapped[UploadFailure | None] = mapped_column(FAILURE)
    detail: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    file_deleted_at: Mapped[datetime | None]
