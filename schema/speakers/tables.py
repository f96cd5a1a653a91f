"""The people of a meeting, and the units of speech by which they are told apart."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from schema.core.tables import Base, Id


class Person(Base):
    """Somebody who speaks in a meeting. People are numbered from 1 in order of appearance.

    `name` is what somebody called this person; without it the person is `Speaker NUMBER`. `same_as` is the number of
    the person that this one turned out to be. `by_hand` says that somebody decided this, so the program does not undo
    it.
    """

    __tablename__ = "people"
    __table_args__ = (UniqueConstraint("meeting_id", "number"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    number: Mapped[int]
    name: Mapped[str | None] = mapped_column(String(100))
    same_as: Mapped[int | None]
    by_hand: Mapped[bool] = mapped_column(default=False)


class VoiceUnit(Base):
    """A stretch of audio in which one voice speaks alone, or several at once, which then have no embedding.

    `embedding` is 192 numbers in float16, of length 1. Embeddings of different `model`s cannot be compared. `person` is
    the number of the person whose voice it is. `clean_samples` is how long the voice sounds in it.
    """

    __tablename__ = "voice_units"
    __table_args__ = (UniqueConstraint("track_id", "first_sample"), Index(None, "meeting_id", "id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"))
    first_sample: Mapped[int] = mapped_column(BigInteger)
    end_sample: Mapped[int] = mapped_column(BigInteger)
    clean_samples: Mapped[int]
    embedding: Mapped[bytes | None] = mapped_column(LargeBinary)
    model: Mapped[str] = mapped_column(String(64))
    person: Mapped[int | None]
