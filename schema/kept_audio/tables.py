"""The pieces of kept audio in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from schema.core.tables import Base, now


class AudioPiece(Base):
    """The audio [first_sample, end_sample) of a track, a FLAC file in the storage.

    * A row is written before its file, so that no file is without a row. `size_bytes` is None until the file is stored.
    * The row outlives track and content of a deleted meeting, until the sweep has deleted the file.
    """

    __tablename__ = "audio_pieces"
    __table_args__ = (UniqueConstraint("track_id", "first_sample"),)

    file_id: Mapped[str] = mapped_column(String(24), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), index=True)
    track_id: Mapped[str] = mapped_column(String(32))
    first_sample: Mapped[int] = mapped_column(BigInteger)
    end_sample: Mapped[int] = mapped_column(BigInteger)
    size_bytes: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
