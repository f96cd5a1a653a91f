"""Meetings in the database: tracks, text, coverage, notes, minutes, and tasks that failed for good.

Positions are samples since the start of the meeting, see `schema.core.units`. Rows that a client follows carry `seq`:
ascending numbers, per meeting, that are handed out inside the transaction that writes the row. A client that was away
asks for everything after the last number it saw.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from schema.core.states import MeetingState, TrackKind
from schema.core.tables import Base, Id, now


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
