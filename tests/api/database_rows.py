"""Rows as the workers write them, numbered and committed, and the events that go with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from schema.core.database import Database
from schema.core.events import Event
from schema.core.states import MeetingState, SummaryKind
from schema.core.units import samples_of_s
from schema.meetings.tables import Coverage, Meeting, Note, Segment, Summary, Track
from schema.meetings.views import minutes_event, note_event, segment_event


def _next_seq(session: Session, meeting_id: str) -> int:
    statement = update(Meeting).where(Meeting.id == meeting_id).values(seq=Meeting.seq + 1).returning(Meeting.seq)
    return session.execute(statement).scalar_one()


def _track(session: Session, meeting_id: str, name: str) -> Track:
    return session.scalars(select(Track).where(Track.meeting_id == meeting_id, Track.name == name)).one()


def words_of(text: str, start_s: float, end_s: float) -> list[list[Any]]:
    """The words of *text*, each with the same duration."""
    words = text.split()
    step = samples_of_s((end_s - start_s) / len(words))
    first = samples_of_s(start_s)
    return [[f" {word}", first + at * step, first + (at + 1) * step, 0.9] for at, word in enumerate(words)]


def add_segment(
    database: Database, meeting_id: str, text: str, start_s: float = 0, end_s: float = 1, track: str = "main"
) -> Event:
    """Add a closed segment and return its event, which is not published."""
    return add_segments(database, meeting_id, [(text, start_s, end_s)], track)[0]


def add_segments(
    database: Database, meeting_id: str, texts: Sequence[tuple[str, float, float]], track: str = "main"
) -> list[Event]:
    """Add closed segments, each given by text, start and end, in one commit."""
    with database.write() as session:
        row = _track(session, meeting_id, track)
        segments = [
            Segment(
                meeting_id=meeting_id,
                track_id=row.id,
                seq=_next_seq(session, meeting_id),
                first_sample=samples_of_s(start_s),
                end_sample=samples_of_s(end_s),
                speaker=row.speaker,
                text=text,
                words=words_of(text, start_s, end_s),
                closed=True,
                model="tiny.en",
            )
            for text, start_s, end_s in texts
        ]
        session.add_all(segments)
        session.flush()
        return [segment_event(segment, row.name) for segment in segments]


def grow_segment(database: Database, segment_id: int, text: str) -> Event:
    """Append *text* to a segment, which gets a new sequence number."""
    with database.write() as session:
        segment = session.get_one(Segment, segment_id)
        segment.text = f"{segment.text} {text}"
        segment.seq = _next_seq(session, segment.meeting_id)
        return segment_event(segment, session.get_one(Track, segment.track_id).name)


def add_note(database: Database, meeting_id: str, text: str, ordinal: int = 0) -> Event:
    with database.write() as session:
        note = Note(
            meeting_id=meeting_id,
            seq=_next_seq(session, meeting_id),
            ordinal=ordinal,
            first_sample=0,
            end_sample=16_000,
            body={"text": text},
            model="gemma",
        )
        session.add(note)
        session.flush()
        return note_event(note)


def add_minutes(
    database: Database,
    meeting_id: str,
    text: str,
    version: int = 1,
    kind: SummaryKind = SummaryKind.ROLLING,
    actions: Sequence[dict[str, str]] = (),
) -> Event:
    body = {"overview": [{"text": text, "evidence": [], "support": 0.0, "supported": False}], "actions": list(actions)}
    with database.write() as session:
        summary = Summary(
            meeting_id=meeting_id,
            seq=_next_seq(session, meeting_id),
            kind=kind,
            version=version,
            through_sample=16_000,
            body=body,
            model="gemma",
        )
        session.add(summary)
        session.flush()
        return minutes_event(session, summary)


def add_coverage(database: Database, meeting_id: str, kind: str, first_s: float, end_s: float) -> None:
    with database.write() as session:
        track = _track(session, meeting_id, "main")
        track.committed_sample = samples_of_s(end_s)
        session.add(
            Coverage(track_id=track.id, first_sample=samples_of_s(first_s), end_sample=samples_of_s(end_s), kind=kind)
        )


def move(database: Database, meeting_id: str, state: MeetingState) -> Event:
    with database.write() as session:
        session.get_one(Meeting, meeting_id).state = state
    return Event("state", {"state": state.value})
