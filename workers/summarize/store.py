"""Notes and minutes in SQL. Every write is settled by a unique key or a condition, so that any task may run twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from schema.database import Database
from schema.events import Event
from schema.minutes import MINUTES, Minutes
from schema.states import MeetingState, SummaryKind
from schema.tables import Meeting, Segment, Summary, Track
from schema.tables import Note as NoteRow
from schema.views import minutes_event, note_event
from schema.webhooks import WebhookEvent, announce
from workers.ledger import advance_seq
from workers.summarize.notes import NOTE, Note
from workers.summarize.segment import Segment as Said


@dataclass(frozen=True, slots=True)
class Author:
    """Which model and adapter write."""

    model: str
    adapter: str | None


@dataclass(frozen=True, slots=True)
class Desk:
    """What lies before the summariser of one meeting: its state, text without a note, notes that count."""

    meeting_id: str
    state: MeetingState
    adapter: str | None
    unread: tuple[Said, ...]
    notes: tuple[tuple[int, Note], ...]
    """Unmerged notes with their ids."""
    through_sample: int
    """Up to where the transcript is committed."""
    last_version: int
    summarised_words: int
    """Words without a note that the last rolling version already had."""


def read_desk(session: Session, meeting_id: str) -> Desk | None:
    """None for a meeting that does not exist or was deleted."""
    meeting = session.get(Meeting, meeting_id)
    if meeting is None or meeting.state == MeetingState.DELETED:
        return None
    segments = session.scalars(
        select(Segment)
        .where(Segment.meeting_id == meeting_id, Segment.closed, Segment.note_id.is_(None))
        .order_by(Segment.first_sample, Segment.id)
    )
    notes = session.scalars(
        select(NoteRow).where(NoteRow.meeting_id == meeting_id, NoteRow.merged_into.is_(None)).order_by(NoteRow.id)
    )
    last = _last_rolling(session, meeting_id)
    unread = tuple(Said(s.id, s.speaker, s.first_sample, s.end_sample, s.text) for s in segments)
    return Desk(
        meeting_id=meeting_id,
        state=MeetingState(meeting.state),
        adapter=meeting.summary_adapter,
        unread=unread,
        notes=tuple((row.id, NOTE.validate_python(row.body)) for row in notes),
        through_sample=_through_sample(session, meeting_id),
        last_version=last.version if last else 0,
        summarised_words=sum(
            len(said.text.split()) for said in unread if last is not None and said.end_sample <= last.through_sample
        ),
    )


def _last_rolling(session: Session, meeting_id: str) -> Summary | None:
    return session.scalar(
        select(Summary)
        .where(Summary.meeting_id == meeting_id, Summary.kind == SummaryKind.ROLLING)
        .order_by(Summary.version.desc())
        .limit(1)
    )


def _through_sample(session: Session, meeting_id: str) -> int:
    return session.scalar(select(func.max(Track.committed_sample)).where(Track.meeting_id == meeting_id)) or 0


def all_notes(session: Session, meeting_id: str) -> list[Note]:
    """The notes of every window, merged since or not: what the final minutes rest on."""
    rows = session.scalars(select(NoteRow).where(NoteRow.meeting_id == meeting_id, NoteRow.level == 0))
    return [NOTE.validate_python(row.body) for row in rows]


def add_note(
    database: Database, meeting_id: str, note: Note, segment_ids: Sequence[int], author: Author
) -> Event | None:
    """Close a window. None when another worker has noted any of its segments meanwhile."""
    with database.write() as session:
        if not _is_open(session, meeting_id):
            return None
        row = _insert_note(session, meeting_id, note, author)
        return note_event(row) if _take(session, Segment.note_id, segment_ids, row) else None


def merge_notes(database: Database, meeting_id: str, merged: Note, note_ids: Sequence[int], author: Author) -> bool:
    """Replace notes by a higher one. False when another worker did so meanwhile."""
    with database.write() as session:
        if not _is_open(session, meeting_id):
            return False
        row = _insert_note(session, meeting_id, merged, author)
        return _take(session, NoteRow.merged_into, note_ids, row)


def _take(session: Session, column: InstrumentedAttribute[int | None], ids: Sequence[int], note: NoteRow) -> bool:
    """Set *column* of the rows *ids* to *note*. When another note has any of them, all is rolled back: False."""
    table = column.class_
    free = update(table).where(table.id.in_(ids), column.is_(None)).values({column: note.id}).returning(table.id)
    taken = len(session.scalars(free).all()) == len(ids)
    if not taken:
        session.rollback()
    return taken


def _is_open(session: Session, meeting_id: str) -> bool:
    """Whether minutes of the meeting are still written. Locks it, so that writers of one meeting come one by one."""
    state = session.scalar(select(Meeting.state).where(Meeting.id == meeting_id).with_for_update())
    return state in {MeetingState.LIVE, MeetingState.DRAINING, MeetingState.SUMMARIZING}


def _insert_note(session: Session, meeting_id: str, note: Note, author: Author) -> NoteRow:
    last = session.scalar(
        select(func.max(NoteRow.ordinal)).where(NoteRow.meeting_id == meeting_id, NoteRow.level == note.level)
    )
    row = NoteRow(
        meeting_id=meeting_id,
        seq=advance_seq(session, meeting_id, 1),
        level=note.level,
        ordinal=0 if last is None else last + 1,
        first_sample=note.first_sample,
        end_sample=note.end_sample,
        body=NOTE.dump_python(note, mode="json"),
        model=author.model,
        adapter=author.adapter,
    )
    session.add(row)
    session.flush()
    return row


def add_rolling(database: Database, desk: Desk, minutes: Minutes, author: Author) -> Event | None:
    """The next rolling version. None when another worker has written it meanwhile."""
    try:
        with database.write() as session:
            if not _is_open(session, desk.meeting_id):
                return None
            return _insert_summary(session, desk, SummaryKind.ROLLING, desk.last_version + 1, minutes, author)
    except IntegrityError:
        return None


def add_final(database: Database, desk: Desk, minutes: Minutes, author: Author) -> list[Event]:
    """The final minutes and the end of the meeting, in one. Empty when another worker was there first."""
    with database.write() as session:
        owner = session.scalar(
            update(Meeting)
            .where(Meeting.id == desk.meeting_id, Meeting.state == MeetingState.SUMMARIZING)
            .values(state=MeetingState.FINISHED)
            .returning(Meeting.owner)
        )
        if owner is None:
            return []
        written = _insert_summary(session, desk, SummaryKind.FINAL, 1, minutes, author)
        announce(session, owner, WebhookEvent.MINUTES_FINAL, {"meeting_id": desk.meeting_id, "version": 1})
        announce(session, owner, WebhookEvent.MEETING_FINISHED, {"meeting_id": desk.meeting_id})
        return [written, Event("state", {"state": MeetingState.FINISHED.value})]


def _insert_summary(
    session: Session, desk: Desk, kind: SummaryKind, version: int, minutes: Minutes, author: Author
) -> Event:
    row = Summary(
        meeting_id=desk.meeting_id,
        seq=advance_seq(session, desk.meeting_id, 1),
        kind=kind,
        version=version,
        through_sample=desk.through_sample,
        body=MINUTES.dump_python(minutes, mode="json"),
        model=author.model,
        adapter=author.adapter,
    )
    session.add(row)
    session.flush()
    return minutes_event(row)
