"""Meetings in the database: tracks, text, coverage, notes, minutes, and tasks that failed for good.

Positions are samples since the start of the meeting; see `schema.core.units`. Rows that clients follow have a sequence
number `seq`. It ascends within a meeting, and the transaction that writes the row assigns it. A client that reconnects
asks for all rows after the last number that it saw.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from schema.core.states import MeetingState, TrackKind
from schema.core.tables import Base, Id, now
from schema.mailbox.records import Heard
from schema.minutes.briefing import Briefing


class Meeting(Base):
    """A meeting, or a further version of one; see `schema.meetings.versions`.

    * `version_of` is the first version. `made_from` is the version whose corrections were carried over.
    * `translate` makes the transcript English, whatever language is spoken.
    * `recorded_at` is the start of the meeting, if `recorded_from`, a `DateSource`, is set. `recorded_offset_s` is the
      offset from UTC at its place. `title_from` is a `TitleSource`.
    * `tus_metadata` is what a tus client sent with its upload. It may hold a title, so it goes with the meeting.
    * `shown` is true for the version that is used when a request names none.
    * `speakers` says how many speakers are told apart, as in `schema.speakers.wish`; None means that nobody listens.
      `people_settled` is true once all units of speech were put together again at the end.
    * `keeps_audio` is true if its audio is stored, so that people can listen to it.
    * `revised_seq` is set while the minutes have to be written again. It is the number of the last correction.
    * Notes with a lower `seq` than `notes_seq` are all written again.
    * `participants`, `agenda`, `vocabulary`, `minutes_language` and `template` are the `briefing`.
    """

    __tablename__ = "meetings"
    __table_args__ = (Index(None, "version_of", "version", unique=True),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    title: Mapped[str] = mapped_column(String(300), default="")
    language: Mapped[str] = mapped_column(String(16), default="en")
    vocabulary: Mapped[list[Any]] = mapped_column(default=list)
    participants: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    agenda: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    minutes_language: Mapped[str | None] = mapped_column(String(16))
    template: Mapped[str | None] = mapped_column(String(40))
    translate: Mapped[bool] = mapped_column(default=False, server_default=false())
    asr_adapter: Mapped[str | None] = mapped_column(String(100))
    summary_adapter: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(16), default=MeetingState.LIVE)
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    finished_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime | None]
    recorded_offset_s: Mapped[int | None]
    recorded_from: Mapped[str | None] = mapped_column(String(16))
    title_from: Mapped[str | None] = mapped_column(String(16))
    tus_metadata: Mapped[str | None] = mapped_column(Text, deferred=True)
    version: Mapped[int] = mapped_column(default=1)
    version_of: Mapped[str | None] = mapped_column(String(32))
    made_from: Mapped[str | None] = mapped_column(String(32))
    shown: Mapped[bool] = mapped_column(default=True)
    revised_seq: Mapped[int | None] = mapped_column(BigInteger, index=True)
    notes_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    speakers: Mapped[str | None] = mapped_column(String(8))
    people_settled: Mapped[bool] = mapped_column(default=False, server_default=false())
    keeps_audio: Mapped[bool] = mapped_column(default=False, server_default=false())

    @property
    def started_at(self) -> datetime:
        """When the meeting began, as far as that is known, in the time of its place, else in the server's."""
        if self.recorded_at is None:
            return self.created_at.astimezone()
        return self.recorded_at.astimezone(timezone(timedelta(seconds=self.recorded_offset_s or 0)))

    def brief(self, briefing: Briefing) -> None:
        """Set the briefing."""
        self.participants, self.agenda = list(briefing.participants), list(briefing.agenda)
        self.vocabulary = list(briefing.vocabulary)
        self.minutes_language, self.template = briefing.minutes_language, briefing.template

    @property
    def briefing(self) -> Briefing:
        """The briefing. It was checked when it was given, perhaps by an older version with other limits."""
        return Briefing.model_construct(
            participants=list(self.participants or ()),
            agenda=list(self.agenda or ()),
            vocabulary=list(self.vocabulary or ()),
            minutes_language=self.minutes_language,
            template=self.template,
        )


class Track(Base):
    """A track of a meeting, usually one speaker.

    * `committed_sample` and `epoch` make a worker's commit conditional: it fails if another worker was faster.
    * `received_sample` is the end of the received audio at the last commit. If Redis loses audio before it and the
      producer does not send it again, that audio is booked as missing.
    * `closed_sample` is the end of the track, set when the meeting is finished.
    * `heard_sample` is how far the listener is, who tells speakers apart; None means that nobody listens to this track.
      `heard_epoch` makes its commits conditional. `unheard` is [[first, end, reason]], the audio that it never got.
    * `kept_sample` is how far the audio is stored, if the meeting `keeps_audio`.
    * `several` means that several people may speak on a track with a `speaker`, such as a room in a call.
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
    heard_sample: Mapped[int | None] = mapped_column(BigInteger)
    heard_epoch: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    unheard: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    kept_sample: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    several: Mapped[bool] = mapped_column(default=False, server_default=false())

    @property
    def heard(self) -> Heard | None:
        """How far the listener is, for the mailbox."""
        return None if self.heard_sample is None else Heard(self.heard_sample, self.heard_epoch)


class Segment(Base):
    """A passage of committed text. An open segment only grows at its end.

    * `words` is [[text, first, end, probability]], as the model recognised them. They never change.
    * `text` and `speaker` are what people read. `corrected` means that they differ from the recognised ones.
    * `version` counts the changes by people; see `schema.corrections.segments`.
    * `person` is the number of the person who speaks, if the listener has told. `speaker_from` says who named the
      speaker, a `SpeakerSource`. `overlapped` means that somebody else speaks at the same time.
    * `split_from` is the id of the segment that a person split this one from.
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
    person: Mapped[int | None]
    speaker_from: Mapped[str | None] = mapped_column(String(8))
    overlapped: Mapped[bool] = mapped_column(default=False, server_default=false())
    split_from: Mapped[int | None]


class Coverage(Base):
    """The ledger of a track's audio. The rows tile [0, committed_sample) without gaps or overlaps.

    Adjacent spans with the same kind and reason are one row.
    """

    __tablename__ = "coverage"
    __table_args__ = (UniqueConstraint("track_id", "first_sample"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"))
    first_sample: Mapped[int] = mapped_column(BigInteger)
    end_sample: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(300))


class Note(Base):
    """What one window of the transcript changes in the minutes. The body is `schema.minutes.note.NoteBody`.

    A note is written again, with a new `seq`, only when the text of its window was corrected.
    """

    __tablename__ = "notes"
    __table_args__ = (UniqueConstraint("meeting_id", "ordinal"), Index(None, "meeting_id", "seq"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(BigInteger)
    ordinal: Mapped[int]
    first_sample: Mapped[int] = mapped_column(BigInteger)
    end_sample: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[dict[str, Any]]
    model: Mapped[str] = mapped_column(String(200))
    adapter: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Summary(Base):
    """A version of the minutes up to `through_sample`. The body is `schema.minutes.minutes.Minutes`."""

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
    """A task that failed for good, with everything needed to run it again."""

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
