"""Passages off the record: the transcript has them, marked; notes and minutes never do.

A person marks a passage of time. Somebody who says a phrase takes out the sentence with the phrase and what follows: up
to the phrase that goes back on the record, or if nobody says one, up to the end of the speaker's turn. Spoken passages
are found in the transcript whenever it is read, so a corrected transcript has other ones.

Every function runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, and_, false, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from schema.core.errors import Conflict, InvalidInput, NotFound
from schema.core.tables import Base, Id, now
from schema.core.units import s_of_samples, samples_of_s
from schema.corrections.segments import mark_revised
from schema.meetings.locks import advance_seq, lock_meeting
from schema.meetings.tables import Note, Segment
from schema.off_record.phrases import HINTS, Announcement, announcements
from schema.off_record.wire import OffRecordOut, OffRecordSource

PASSAGES_LIMIT = 200
"""Limit of marked passages per meeting."""
TURN_SEGMENTS = 200
"""Segments after a phrase that are searched for the end of its speaker's turn."""
TURN_PAUSE_SAMPLES = samples_of_s(3)
"""A pause of this length ends the turn of a speaker who is not known."""


class OffRecord(Base):
    """A passage that a person marked. It is open while `end_sample` is None.

    `lifted` passages are on the record again; the row stays, so that notes that were written without them are found.
    `reach_sample` is the furthest end that the passage ever had. `seq` is the meeting's number of the last change.
    """

    __tablename__ = "off_record"
    __table_args__ = (Index(None, "meeting_id", "first_sample"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(BigInteger)
    first_sample: Mapped[int] = mapped_column(BigInteger)
    end_sample: Mapped[int | None] = mapped_column(BigInteger)
    reach_sample: Mapped[int | None] = mapped_column(BigInteger)
    lifted: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(default=now)


@dataclass(frozen=True, slots=True)
class Edge:
    """A place in the text of a segment."""

    segment_id: int
    character: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage off the record. `end_sample` is None while it is open; `id` is None if it was spoken.

    A spoken one begins at `off`, and ends at `on` if somebody went back on the record. It changed last at `seq`.
    """

    first_sample: int
    end_sample: int | None
    seq: int
    id: int | None = None
    off: Edge | None = None
    on: Edge | None = None

    def hidden(self, segment: Segment) -> range:
        """The characters of *segment* that are off the record."""
        after = self.end_sample is not None and segment.first_sample >= self.end_sample
        if after or segment.end_sample <= self.first_sample:
            return range(0)
        first = self.off.character if self.off and self.off.segment_id == segment.id else 0
        end = self.on.character if self.on and self.on.segment_id == segment.id else len(segment.text)
        return range(first, end)


def text_on_record(segment: Segment, passages: Iterable[Passage]) -> str:
    """The text of *segment* without what *passages* take out."""
    ranges = [hidden for each in passages if (hidden := each.hidden(segment))]
    if not ranges:
        return segment.text
    kept = (letter for at, letter in enumerate(segment.text) if not any(at in each for each in ranges))
    return "".join(kept).strip(" ,;:–-")


def is_off_record(segment: Segment, passages: Iterable[Passage]) -> bool:
    """Whether one of *passages* takes out a part of *segment*."""
    return any(each.hidden(segment) for each in passages)


def passages_of(session: Session, meeting_id: str) -> list[Passage]:
    """All passages of a meeting that are off the record, in order of time."""
    marked = select(OffRecord).where(OffRecord.meeting_id == meeting_id, ~OffRecord.lifted)
    found = [Passage(row.first_sample, row.end_sample, row.seq, row.id) for row in session.scalars(marked)]
    return sorted([*found, *spoken_passages(session, meeting_id)], key=lambda each: each.first_sample)


def spoken_passages(session: Session, meeting_id: str) -> list[Passage]:
    """The passages that somebody announced."""
    hinted = or_(*(func.lower(Segment.text).contains(hint) for hint in HINTS))
    chosen = select(Segment).where(Segment.meeting_id == meeting_id, hinted)
    segments = session.scalars(chosen.order_by(Segment.first_sample, Segment.id)).all()
    told = [(segment, each) for segment in segments for each in announcements(segment.text)]
    return list(_paired(session, told))


def _paired(session: Session, told: Sequence[tuple[Segment, Announcement]]) -> Iterator[Passage]:
    """A passage for each phrase that goes off the record, up to the next phrase if that one goes back."""
    for at, (segment, phrase) in enumerate(told):
        if phrase.back:
            continue
        later = told[at + 1] if at + 1 < len(told) else None
        off = Edge(segment.id, phrase.at)
        if later is not None and later[1].back:
            end, back = later
            on = Edge(end.id, back.at)
            yield Passage(segment.first_sample, end.end_sample, max(segment.seq, end.seq), off=off, on=on)
        else:
            yield Passage(segment.first_sample, _turn_end(session, segment), segment.seq, off=off)


def _turn_end(session: Session, segment: Segment) -> int:
    """The end of the last segment that the speaker of *segment* says without somebody else, or a pause, in between."""
    later = select(Segment.speaker, Segment.first_sample, Segment.end_sample).where(
        Segment.meeting_id == segment.meeting_id, Segment.first_sample >= segment.end_sample
    )
    end = segment.end_sample
    for speaker, first, last in session.execute(later.order_by(Segment.first_sample, Segment.id).limit(TURN_SEGMENTS)):
        if speaker != segment.speaker or (speaker is None and first - end >= TURN_PAUSE_SAMPLES):
            break
        end = max(end, last)
    return end


def last_seq(session: Session, meeting_id: str) -> int:
    """The highest number of a passage, also of those that were lifted."""
    marked = session.scalar(select(func.max(OffRecord.seq)).where(OffRecord.meeting_id == meeting_id)) or 0
    return max([marked, *(each.seq for each in spoken_passages(session, meeting_id))])


def written_before(meeting_id: str, passages: Iterable[Passage]) -> ColumnElement[bool]:
    """SQL condition on a note: it was written before a passage in it went off the record, or on it again."""
    theirs = OffRecord.meeting_id == meeting_id, OffRecord.seq > Note.seq, OffRecord.first_sample < Note.end_sample
    reached = or_(OffRecord.reach_sample.is_(None), OffRecord.reach_sample > Note.first_sample)
    marked = select(OffRecord.id).where(*theirs, reached).exists()
    spoken = (
        and_(Note.seq < each.seq, Note.first_sample < each.end_sample, Note.end_sample > each.first_sample)
        for each in passages
        if each.end_sample is not None and each.id is None
    )
    return or_(marked, *spoken)


def mark_off_record(session: Session, meeting_id: str, first_sample: int, end_sample: int | None) -> OffRecord:
    """Take a passage out of the minutes. Raises NotFound, Gone, InvalidInput, and Conflict if there are too many."""
    _check_order(first_sample, end_sample)
    lock_meeting(session, meeting_id)
    count = session.scalar(select(func.count()).where(OffRecord.meeting_id == meeting_id)) or 0
    if count >= PASSAGES_LIMIT:
        raise Conflict(
            f"meeting '{meeting_id}' has {count} passages off the record, which is the limit; mark longer ones"
        )
    row = OffRecord(
        meeting_id=meeting_id,
        seq=mark_revised(session, meeting_id, 1),
        first_sample=first_sample,
        end_sample=end_sample,
        reach_sample=end_sample,
    )
    session.add(row)
    session.flush()
    return row


def end_passage(session: Session, meeting_id: str, passage_id: int, end_sample: int) -> OffRecord:
    """End an open passage. Raises NotFound, Gone, InvalidInput, and Conflict if it has ended."""
    row = _locked(session, meeting_id, passage_id)
    if row.end_sample is not None:
        raise Conflict(
            f"passage {passage_id} ended at {s_of_samples(row.end_sample):g} s; lift it and mark another one"
        )
    _check_order(row.first_sample, end_sample)
    row.end_sample, row.seq = end_sample, mark_revised(session, meeting_id, 1)
    session.flush()
    return row


def lift_passage(session: Session, meeting_id: str, passage_id: int) -> None:
    """Put a marked passage on the record again. Raises NotFound, Gone."""
    row = _locked(session, meeting_id, passage_id)
    row.lifted, row.seq = True, mark_revised(session, meeting_id, 1)


def carry_passages(session: Session, meeting_id: str, made_from: str) -> None:
    """Copy the marked passages of the version *made_from*. The caller has locked the meeting's row."""
    for row in session.scalars(select(OffRecord).where(OffRecord.meeting_id == made_from, ~OffRecord.lifted)):
        session.add(
            OffRecord(
                meeting_id=meeting_id,
                seq=advance_seq(session, meeting_id, 1),
                first_sample=row.first_sample,
                end_sample=row.end_sample,
                reach_sample=row.end_sample,
                created_at=row.created_at,
            )
        )


def passage_out(passage: Passage) -> OffRecordOut:
    return OffRecordOut(
        id=passage.id,
        start_s=s_of_samples(passage.first_sample),
        end_s=None if passage.end_sample is None else s_of_samples(passage.end_sample),
        source=OffRecordSource.SPOKEN if passage.id is None else OffRecordSource.MARKED,
    )


def _check_order(first_sample: int, end_sample: int | None) -> None:
    if end_sample is not None and end_sample <= first_sample:
        first_s, end_s = s_of_samples(first_sample), s_of_samples(end_sample)
        raise InvalidInput(f"the passage would end at {end_s:g} s, but begins at {first_s:g} s; give a later end")


def _locked(session: Session, meeting_id: str, passage_id: int) -> OffRecord:
    lock_meeting(session, meeting_id)
    row = session.get(OffRecord, passage_id, populate_existing=True)
    if row is None or row.meeting_id != meeting_id or row.lifted:
        raise NotFound(f"meeting '{meeting_id}' has no marked passage {passage_id}; GET .../off-record lists the ids")
    return row
