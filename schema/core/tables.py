"""The database: meetings and their tracks, text, coverage, minutes; failures, uploads, API keys.

Webhooks and the registry of adapters have modules of their own.
Positions are samples since the start of the meeting, see `schema.core.units`. Rows that a client follows carry `seq`,
one ascending number per meeting handed out inside the transaction that writes them, so that whoever was away asks for
everything after the last number it saw.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from schema.core.states import Channels, MeetingState, TrackKind, UploadState


class Time(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no zone, so it is put back when a time is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


Id = BigInteger().with_variant(Integer, "sqlite")


def now() -> datetime:
    """The time in UTC. Times are for people to read; nothing in the machinery depends on a clock that may jump."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON, datetime: Time}  # noqa: RUF012


class Meeting(Base):
    """`version_of` is the first version of a meeting that was read again, `made_from` the one whose corrections it has.

    Of several versions one is `shown` where nobody names one. `revised_seq`, the number of the last correction, is set
    while minutes have to be made again. Notes with a lower number than `notes_seq` are all written again.
    """

    __tablename__ = "meetings"
    __table_args__ = (Index(None, "version_of", "version", unique=True),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    title: Mapped[str] = mapped_column(String(300), default="")
    language: Mapped[str] = mapped_column(String(16), default="en")
    vocabulary: Mapped[list[Any]] = mapped_column(default=list)
    asr_adapter: Mapped[str | None] = mapped_column(String(100))
    summary_adapter: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(16), default=MeetingState.LIVE)
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    finished_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    version_of: Mapped[str | None] = mapped_column(String(32))
    made_from: Mapped[str | None] = mapped_column(String(32))
    shown: Mapped[bool] = mapped_column(default=True)
    revised_seq: Mapped[int | None] = mapped_column(BigInteger, index=True)
    notes_seq: Mapped[int] = mapped_column(BigInteger, default=0)


class Track(Base):
    """`committed_sample` and `epoch` make a worker's commit conditional; `closed_sample` is set at finish.

    `received_sample` is how far the audio had come at the last commit: what Redis loses before it is missing.
    """

    __tablename__ = "tracks"
    __table_args__ = (UniqueConstraint("meeting_id", "name"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    speaker: Mapped[str | None] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(8), default=TrackKind.LIVE)
    committed_sample: Mapped[int] = mapped_column(BigInteger, default=0)
    received_sample: Mapped[int] = mapped_column(BigInteger, default=0)
    closed_sample: Mapped[int | None] = mapped_column(BigInteger)
    epoch: Mapped[int] = mapped_column(BigInteger, default=0)


class Segment(Base):
    """A stretch of committed text. An open one grows at its end only; `words` is [[text, first, end, probability]].

    `text` and `speaker` are what people read: `corrected` when somebody has changed them. `words` stay as they were
    heard. `version` counts the changes, see `schema.corrections.segments`.
    """

    __tablename__ = "segments"
    __table_args__ = (Index(None, "meeting_id", "seq"), Index(None, "meeting_id", "first_sample"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), index=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    first_sample: Mapped[int] = mapped_column(BigInteger)
    end_sample: Mapped[int] = mapped_column(BigInteger)
    speaker: Mapped[str | None] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    words: Mapped[list[Any]]
    closed: Mapped[bool] = mapped_column(default=False)
    note_id: Mapped[int | None] = mapped_column(ForeignKey("notes.id", ondelete="SET NULL"), index=True)
    model: Mapped[str] = mapped_column(String(200))
    adapter: Mapped[str | None] = mapped_column(String(100))
    version: Mapped[int] = mapped_column(default=1)
    corrected: Mapped[bool] = mapped_column(default=False)


class Coverage(Base):
    """The ledger: rows tile [0, committed_sample) of a track, neighbours of one kind and reason are one row."""

    __tablename__ = "coverage"
    __table_args__ = (UniqueConstraint("track_id", "first_sample"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"))
    first_sample: Mapped[int] = mapped_column(BigInteger)
    end_sample: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(300))


class Note(Base):
    """The summary of one window (level 0) or of several notes, which are merged into a higher one.

    It is written again, under a new `seq`, only when what it rests on was corrected.
    """

    __tablename__ = "notes"
    __table_args__ = (UniqueConstraint("meeting_id", "level", "ordinal"), Index(None, "meeting_id", "seq"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[int]
    ordinal: Mapped[int]
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("notes.id", ondelete="SET NULL"))
    first_sample: Mapped[int] = mapped_column(BigInteger)
    end_sample: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[dict[str, Any]]
    model: Mapped[str] = mapped_column(String(200))
    adapter: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Summary(Base):
    """A version of the minutes up to `through_sample`. The body is `schema.meetings.minutes.Minutes`."""

    __tablename__ = "summaries"
    __table_args__ = (UniqueConstraint("meeting_id", "kind", "version"), Index(None, "meeting_id", "seq"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(8))
    version: Mapped[int]
    through_sample: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[dict[str, Any]]
    model: Mapped[str] = mapped_column(String(200))
    adapter: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Failure(Base):
    """A task that failed for good, with all that is needed to run it again."""

    __tablename__ = "failures"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str | None] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), index=True)
    task: Mapped[str] = mapped_column(String(100))
    arguments: Mapped[list[Any]]
    reason: Mapped[str] = mapped_column(String(100))
    detail: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    replayed_at: Mapped[datetime | None]


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
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), unique=True)
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
    reason: Mapped[str | None] = mapped_column(String(100))
    detail: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    file_deleted_at: Mapped[datetime | None]


class ApiKey(Base):
    """Only the SHA-256 of a key is kept; keys are long random strings, so no slow hash is needed."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]]
    requests_per_minute: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]
