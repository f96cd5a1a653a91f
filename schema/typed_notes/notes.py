"""Notes that people type during a meeting. They stay as they were typed; minutes show them and are guided by them.

Minutes are written without them and show them when they are read, so no writer can lose one. Every change has the
minutes written again. Every function runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, String, Text, func, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from schema.core.errors import Conflict, NotFound, VersionMismatch
from schema.core.tables import Base, Id, now
from schema.core.units import s_of_samples, samples_of_s
from schema.corrections.segments import mark_revised
from schema.meetings.locks import advance_seq, lock_meeting
from schema.typed_notes.wire import TypedNoteOut

TYPED_NOTES_LIMIT = 500
"""Limit of typed notes per meeting."""
NEAR_SAMPLES = samples_of_s(30)
"""People type a little after something is said. A note so close to a passage is about it."""


class TypedNote(Base):
    """A note that a person typed at `at_sample`. `seq` is the meeting's number of its last change.

    `author` is the id of the key that was used, and `person` the name that was given with the note.
    """

    __tablename__ = "typed_notes"
    __table_args__ = (Index(None, "meeting_id", "at_sample"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(BigInteger)
    at_sample: Mapped[int] = mapped_column(BigInteger)
    text: Mapped[str] = mapped_column(Text)
    person: Mapped[str | None] = mapped_column(String(100))
    author: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)


def typed_notes_of(session: Session, meeting_id: str) -> Sequence[TypedNote]:
    """All typed notes of a meeting, in order of their moments."""
    wanted = select(TypedNote).where(TypedNote.meeting_id == meeting_id)
    return session.scalars(wanted.order_by(TypedNote.at_sample, TypedNote.id)).all()


def add_typed_note(
    session: Session, meeting_id: str, text: str, at_sample: int, person: str | None, author: str
) -> TypedNote:
    """Add a note. Raises NotFound, Gone, and Conflict when the meeting has too many."""
    lock_meeting(session, meeting_id)
    count = session.scalar(select(func.count()).where(TypedNote.meeting_id == meeting_id)) or 0
    if count >= TYPED_NOTES_LIMIT:
        raise Conflict(f"meeting '{meeting_id}' has {count} typed notes, which is the limit; change or delete one")
    note = TypedNote(meeting_id=meeting_id, text=text, at_sample=at_sample, person=person, author=author)
    note.seq = mark_revised(session, meeting_id, 1)
    session.add(note)
    session.flush()
    return note


def change_typed_note(
    session: Session, meeting_id: str, note_id: int, values: Mapping[str, Any], expected_version: int | None = None
) -> TypedNote:
    """Set the columns *values*. If nothing changes, no version is added.

    Raises NotFound, Gone, and VersionMismatch when the note is not at *expected_version*.
    """
    note = _locked(session, meeting_id, note_id, expected_version)
    if any(getattr(note, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(note, name, value)
        note.version += 1
        note.seq = mark_revised(session, meeting_id, 1)
        session.flush()
    return note


def delete_typed_note(session: Session, meeting_id: str, note_id: int) -> None:
    """Delete a note for good. Raises NotFound, Gone."""
    session.delete(_locked(session, meeting_id, note_id))
    mark_revised(session, meeting_id, 1)


def carry_typed_notes(session: Session, meeting_id: str, made_from: str) -> None:
    """Copy the typed notes of the version *made_from*. The caller has locked the meeting's row."""
    for note in typed_notes_of(session, made_from):
        session.add(
            TypedNote(
                meeting_id=meeting_id,
                seq=advance_seq(session, meeting_id, 1),
                at_sample=note.at_sample,
                text=note.text,
                person=note.person,
                author=note.author,
                created_at=note.created_at,
            )
        )


Position = int | InstrumentedAttribute[int]


def typed_since(meeting_id: str, first_sample: Position, end_sample: Position, seq: Position) -> ColumnElement[bool]:
    """SQL condition: a note about the passage [*first_sample*, *end_sample*) was typed or changed after *seq*."""
    near = TypedNote.at_sample.between(first_sample - NEAR_SAMPLES, end_sample + NEAR_SAMPLES)
    return select(TypedNote.id).where(TypedNote.meeting_id == meeting_id, near, TypedNote.seq > seq).exists()


def typed_note_out(note: TypedNote) -> TypedNoteOut:
    return TypedNoteOut(
        id=note.id,
        at_s=s_of_samples(note.at_sample),
        text=note.text,
        person=note.person,
        author=note.author,
        version=note.version,
        created_at=note.created_at,
    )


def _locked(session: Session, meeting_id: str, note_id: int, expected_version: int | None = None) -> TypedNote:
    lock_meeting(session, meeting_id)
    note = session.get(TypedNote, note_id, populate_existing=True)
    if note is None or note.meeting_id != meeting_id:
        raise NotFound(f"meeting '{meeting_id}' has no typed note {note_id}; GET .../typed-notes lists the ids")
    if expected_version not in (None, note.version):
        raise VersionMismatch(
            f"typed note {note_id} is at version {note.version}, not {expected_version}: somebody changed it in the "
            "meantime; read it again, then send that version in If-Match",
            current_version=note.version,
            current_text=note.text,
        )
    return note
