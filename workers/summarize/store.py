"""Notes and minutes in SQL. A unique key or a condition guards every write, so that any task may run twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from schema.adapters.registry import BARE, served_labels
from schema.core.database import Database
from schema.core.events import Event
from schema.core.language import language_of
from schema.core.states import AdapterTask, MeetingState, SummaryKind, WebhookEvent
from schema.core.wire import AUTO
from schema.core.words import count_words
from schema.meetings.lifecycle import complete_meeting
from schema.meetings.locks import advance_seq, lock_versions
from schema.meetings.tables import Meeting, Note, Segment, Summary, Track
from schema.meetings.titles import take_title_of_content
from schema.meetings.views import minutes_event, note_event
from schema.meetings.wire import Author
from schema.minutes.briefing import Briefing
from schema.minutes.minutes import MINUTES, Minutes
from schema.minutes.note import NOTE, NoteBody
from schema.off_record.passages import Passage, last_seq, passages_of, text_on_record, written_before
from schema.typed_notes.notes import typed_notes_of, typed_since
from schema.webhooks.outbox import announce
from workers.summarize.guidance import TypedLine
from workers.summarize.text.segment import SpokenSegment

LANGUAGE_SEGMENTS = 40
"""The language of a meeting is detected from this many segments at its beginning."""


@dataclass(frozen=True, slots=True)
class Stale:
    """A note to rewrite, since text of its `window` was corrected."""

    note_id: int
    window: tuple[SpokenSegment, ...]


@dataclass(frozen=True, slots=True)
class MeetingSnapshot:
    """A meeting as the summariser reads it from SQL: its state, text without a note, and notes."""

    meeting_id: str
    state: MeetingState
    seq: int
    """The meeting's sequence number at the time of reading. Later rows do not enter what is written from this."""
    revised: bool
    """Text that the last minutes may rest on was corrected."""
    stale: Stale | None
    """The next note to rewrite, the earliest first."""
    adapter: str | None
    """`NAME@VERSION` of the adapter version that is served now."""
    bare: bool
    """The meeting asks for the model without any adapter."""
    language: str
    """The meeting's language, or if it has none, the language detected from its first segments."""
    briefing: Briefing
    typed: tuple[TypedLine, ...]
    unread: tuple[SpokenSegment, ...]
    notes: tuple[NoteBody, ...]
    through_sample: int
    """The transcript is committed up to this sample."""
    last_version: int
    last_final: int
    summarised_words: int
    """Words without a note that the last rolling version already covers."""


def read_snapshot(session: Session, meeting_id: str) -> MeetingSnapshot | None:
    """Read a meeting. None if it does not exist or was deleted."""
    meeting = session.get(Meeting, meeting_id)
    if meeting is None or meeting.state == MeetingState.DELETED:
        return None
    segments = session.scalars(
        select(Segment)
        .where(Segment.meeting_id == meeting_id, Segment.closed, Segment.note_id.is_(None))
        .order_by(Segment.first_sample, Segment.id)
    )
    notes = session.scalars(select(Note.body).where(Note.meeting_id == meeting_id).order_by(Note.ordinal))
    last = _last_rolling(session, meeting_id)
    wanted = meeting.summary_adapter
    passages = passages_of(session, meeting_id)
    unread = tuple(_spoken_segment(each, passages) for each in segments)
    return MeetingSnapshot(
        meeting_id=meeting_id,
        state=MeetingState(meeting.state),
        seq=meeting.seq,
        revised=meeting.revised_seq is not None,
        stale=_stale(session, meeting, passages) if meeting.revised_seq is not None or passages else None,
        adapter=served_labels(session, AdapterTask.SUMMARY, [wanted])[wanted],
        bare=wanted == BARE,
        language=_language(session, meeting),
        briefing=meeting.briefing,
        typed=tuple(TypedLine(each.at_sample, each.text) for each in typed_notes_of(session, meeting_id)),
        unread=unread,
        notes=tuple(map(NOTE.validate_python, notes)),
        through_sample=_through_sample(session, meeting_id),
        last_version=last.version if last else 0,
        last_final=_last_final(session, meeting_id),
        summarised_words=sum(
            count_words(said.text) for said in unread if last is not None and said.end_sample <= last.through_sample
        ),
    )


def read_transcript(session: Session, meeting_id: str) -> list[SpokenSegment]:
    """The transcript of a meeting without what is off the record."""
    closed = select(Segment).where(Segment.meeting_id == meeting_id, Segment.closed)
    passages = passages_of(session, meeting_id)
    rows = session.scalars(closed.order_by(Segment.first_sample, Segment.id))
    return [said for row in rows if (said := _spoken_segment(row, passages)).text]


def _language(session: Session, meeting: Meeting) -> str:
    """The meeting's language. If unknown, it is detected from the beginning, so that it stays the same later."""
    if meeting.language != AUTO:
        return meeting.language
    closed = select(Segment.text).where(Segment.meeting_id == meeting.id, Segment.closed)
    first = closed.order_by(Segment.first_sample, Segment.id).limit(LANGUAGE_SEGMENTS)
    return language_of(None, session.scalars(first))


def _spoken_segment(segment: Segment, passages: Sequence[Passage]) -> SpokenSegment:
    """The segment as the minutes may know it. Its text is empty if all of it is off the record."""
    text = text_on_record(segment, passages)
    return SpokenSegment(segment.id, segment.speaker, segment.first_sample, segment.end_sample, text)


def _stale(session: Session, meeting: Meeting, passages: Sequence[Passage]) -> Stale | None:
    corrected = exists().where(Segment.note_id == Note.id, Segment.seq > Note.seq)
    all_again = Note.seq < meeting.notes_seq
    typed = typed_since(meeting.id, Note.first_sample, Note.end_sample, Note.seq)
    hidden = written_before(meeting.id, passages)
    wanted = select(Note.id).where(Note.meeting_id == meeting.id, or_(corrected, typed, hidden, all_again))
    note_id = session.scalar(wanted.order_by(Note.ordinal).limit(1))
    if note_id is None:
        return None
    held = select(Segment).where(Segment.note_id == note_id).order_by(Segment.first_sample, Segment.id)
    return Stale(note_id, tuple(_spoken_segment(each, passages) for each in session.scalars(held)))


def _last_final(session: Session, meeting_id: str) -> int:
    final = select(func.max(Summary.version)).where(Summary.meeting_id == meeting_id, Summary.kind == SummaryKind.FINAL)
    return session.scalar(final) or 0


def _last_rolling(session: Session, meeting_id: str) -> Summary | None:
    return session.scalar(
        select(Summary)
        .where(Summary.meeting_id == meeting_id, Summary.kind == SummaryKind.ROLLING)
        .order_by(Summary.version.desc())
        .limit(1)
    )


def _through_sample(session: Session, meeting_id: str) -> int:
    return session.scalar(select(func.max(Track.committed_sample)).where(Track.meeting_id == meeting_id)) or 0


def add_note(
    database: Database, snapshot: MeetingSnapshot, note: NoteBody, segment_ids: Sequence[int], author: Author
) -> Event | None:
    """Close a window. None if meanwhile another worker noted, or somebody corrected or typed a note on, any of it."""
    with database.write() as session:
        typed = typed_since(snapshot.meeting_id, note.first_sample, note.end_sample, snapshot.seq)
        hidden = last_seq(session, snapshot.meeting_id) > snapshot.seq
        if not _is_open(session, snapshot.meeting_id) or hidden or session.scalar(select(typed)):
            return None
        row = _insert_note(session, snapshot.meeting_id, note, author)
        return note_event(row) if _take(session, segment_ids, row, snapshot.seq) else None


def rewrite_note(
    database: Database, snapshot: MeetingSnapshot, stale: Stale, note: NoteBody, author: Author
) -> Event | None:
    """Overwrite a stale note. None if the note or the text under it changed meanwhile."""
    with database.write() as session:
        if _locked_state(session, snapshot.meeting_id) in {None, MeetingState.DELETED}:
            return None
        row = session.get(Note, stale.note_id)
        if row is None or row.seq > snapshot.seq or _changed_since(session, row, snapshot.seq):
            return None
        row.seq = advance_seq(session, snapshot.meeting_id, 1)
        row.body = NOTE.dump_python(note, mode="json")
        row.model, row.adapter = author.model, author.adapter
        session.flush()
        return note_event(row)


def _changed_since(session: Session, note: Note, seq: int) -> bool:
    corrected = exists().where(Segment.note_id == note.id, Segment.seq > seq)
    typed = typed_since(note.meeting_id, note.first_sample, note.end_sample, seq)
    hidden = last_seq(session, note.meeting_id) > seq
    return hidden or bool(session.scalar(select(or_(corrected, typed))))


def _take(session: Session, segment_ids: Sequence[int], note: Note, through_seq: int) -> bool:
    """Put the segments *segment_ids* under *note*.

    If another note has any of them, or one was changed after *through_seq*, everything is rolled back and the result
    is False.
    """
    unchanged = update(Segment).where(
        Segment.id.in_(segment_ids), Segment.note_id.is_(None), Segment.seq <= through_seq
    )
    free = unchanged.values(note_id=note.id).returning(Segment.id)
    taken = len(session.scalars(free).all()) == len(segment_ids)
    if not taken:
        session.rollback()
    return taken


def _is_open(session: Session, meeting_id: str) -> bool:
    """Whether the first final minutes of the meeting are still to be written."""
    return _locked_state(session, meeting_id) in {MeetingState.LIVE, MeetingState.DRAINING, MeetingState.SUMMARIZING}


def _locked_state(session: Session, meeting_id: str) -> str | None:
    """Lock the meeting's row, so that its writers take turns, and return its state."""
    return session.scalar(select(Meeting.state).where(Meeting.id == meeting_id).with_for_update())


def _insert_note(session: Session, meeting_id: str, note: NoteBody, author: Author) -> Note:
    last = session.scalar(select(func.max(Note.ordinal)).where(Note.meeting_id == meeting_id))
    row = Note(
        meeting_id=meeting_id,
        seq=advance_seq(session, meeting_id, 1),
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


def add_rolling(database: Database, snapshot: MeetingSnapshot, minutes: Minutes, author: Author) -> Event | None:
    """Write the next rolling version. None if another worker wrote it, or somebody corrected text, meanwhile."""
    try:
        with database.write() as session:
            if not _is_open(session, snapshot.meeting_id) or not _settle(session, snapshot):
                return None
            return _insert_summary(session, snapshot, SummaryKind.ROLLING, snapshot.last_version + 1, minutes, author)
    except IntegrityError:
        return None


def forget_corrections(database: Database, snapshot: MeetingSnapshot) -> None:
    """Mark corrections as done. Call this if nothing written so far rests on the corrected text."""
    with database.write() as session:
        _settle(session, snapshot)


def _settle(session: Session, snapshot: MeetingSnapshot) -> bool:
    """Mark the corrections that the snapshot contains as done. False if there are later ones."""
    seen = update(Meeting).where(Meeting.id == snapshot.meeting_id, Meeting.revised_seq <= snapshot.seq)
    session.execute(seen.values(revised_seq=None))
    return session.scalar(select(Meeting.revised_seq).where(Meeting.id == snapshot.meeting_id)) is None


def add_final(database: Database, snapshot: MeetingSnapshot, minutes: Minutes, author: Author) -> list[Event]:
    """Write the next final minutes. The first ones also end the meeting, in the same transaction.

    Empty if the meeting changed since the snapshot was read: another worker was faster, or somebody corrected text.
    """
    version = snapshot.last_final + 1
    with database.write() as session:
        versions = lock_versions(session, snapshot.meeting_id)
        meeting = next((each for each in versions if each.id == snapshot.meeting_id), None)
        if meeting is None or (meeting.state, meeting.seq) != (snapshot.state, snapshot.seq):
            return []
        meeting.revised_seq = None
        written = _insert_summary(session, snapshot, SummaryKind.FINAL, version, minutes, author)
        announce(session, meeting.owner, WebhookEvent.MINUTES_FINAL, {"meeting_id": meeting.id, "version": version})
        if snapshot.state == MeetingState.FINISHED:
            return [written]
        take_title_of_content(meeting, minutes)
        return [written, complete_meeting(session, meeting, versions)]


def _insert_summary(
    session: Session, snapshot: MeetingSnapshot, kind: SummaryKind, version: int, minutes: Minutes, author: Author
) -> Event:
    row = Summary(
        meeting_id=snapshot.meeting_id,
        seq=advance_seq(session, snapshot.meeting_id, 1),
        kind=kind,
        version=version,
        through_sample=snapshot.through_sample,
        body=MINUTES.dump_python(minutes, mode="json"),
        model=author.model,
        adapter=author.adapter,
    )
    session.add(row)
    session.flush()
    return minutes_event(session, row)
