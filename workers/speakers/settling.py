"""The end of a meeting: all units are put together once more, without audio, before the final minutes are written."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from schema.core.database import Database
from schema.core.errors import Gone
from schema.core.events import Event
from schema.core.states import MeetingState, SpeakerSource, TrackKind
from schema.core.units import s_of_samples
from schema.meetings.locks import lock_meeting, lock_tracks
from schema.meetings.tables import Meeting, Segment, Track
from schema.speakers.labels import label_segments
from schema.speakers.people import People, add_people, people_of
from schema.speakers.tables import Person, VoiceUnit
from schema.speakers.wish import speaker_range
from workers.speakers.ledger import number, units_of, vector_of
from workers.speakers.track_owners import name_owners
from workers.speakers.tracker import settle


def unsettled(session: Session) -> list[str]:
    """Meetings that are transcribed and heard to their ends, and whose people are not settled yet."""
    not_done = exists().where(
        Track.meeting_id == Meeting.id,
        or_(
            Track.closed_sample.is_(None),
            Track.committed_sample < Track.closed_sample,
            Track.heard_sample < Track.closed_sample,
        ),
    )
    wanted = select(Meeting.id).where(
        Meeting.state == MeetingState.DRAINING, Meeting.speakers.is_not(None), ~Meeting.people_settled, ~not_done
    )
    return list(session.scalars(wanted))


def settle_people(database: Database, meeting_id: str) -> list[Event]:
    """Settle who said what in a meeting that `unsettled` lists. A second call changes nothing.

    People keep the number with which they share most speech. What somebody named, joined or corrected stays. Returns
    the events to publish.
    """
    with database.read() as session:
        meeting = session.get_one(Meeting, meeting_id)
        people = people_of(session, meeting_id)
        heard = _by_model(units_of(session, meeting_id))
        least, most = speaker_range(meeting.speakers or "")
    settled: dict[int, int] = {}
    for units in heard:  # Voices of different models cannot be compared, so each model's units are settled alone.
        vectors = [vector_of(unit.embedding or b"") for unit in units]
        given = [people.root(unit.person or 0) for unit in units]
        persons = settle(vectors, [s_of_samples(unit.clean_samples) for unit in units], given, least, most)
        settled |= {unit.id: person for unit, person in zip(units, persons, strict=True)}
    with database.write() as session:
        lock_tracks(session, meeting_id)
        try:
            meeting = lock_meeting(session, meeting_id)
        except Gone:
            return []
        if meeting.people_settled or meeting_id not in unsettled(session):
            return []
        return _write(session, meeting, settled)


def _by_model(units: Sequence[VoiceUnit]) -> list[list[VoiceUnit]]:
    models: dict[str, list[VoiceUnit]] = {}
    for unit in units:
        if unit.embedding is not None and unit.person is not None:
            models.setdefault(unit.model, []).append(unit)
    return list(models.values())


def _write(session: Session, meeting: Meeting, settled: dict[int, int]) -> list[Event]:
    units = [unit for unit in units_of(session, meeting.id) if unit.id in settled]
    for unit in units:
        unit.person = settled[unit.id]
    people = add_people(session, meeting.id, people_of(session, meeting.id), settled.values())
    if _renumbered(session, meeting, people, units):
        people = people_of(session, meeting.id)
    name_owners(session, meeting.id, people)
    meeting.people_settled = True
    changed = label_segments(session, meeting.id, people, SpeakerSource.END)
    return number(session, meeting, changed)


def _renumbered(session: Session, meeting: Meeting, people: People, units: Sequence[VoiceUnit]) -> bool:
    """Number the people of a file by their appearance, without gaps, and forget those who turned out to be nobody.

    In a live meeting people have seen the numbers, and in any meeting a name may rest on them, so they stay.
    """
    live = session.scalar(select(Track.id).where(Track.meeting_id == meeting.id, Track.kind == TrackKind.LIVE).limit(1))
    said = exists().where(Segment.meeting_id == meeting.id, Segment.speaker_from == SpeakerSource.PERSON)
    by_hand = any(row.by_hand or row.name for row in people.rows.values())
    if live is not None or by_hand or session.scalar(select(said)):
        return False
    numbers: dict[int, int] = {}
    for unit in sorted(units, key=lambda unit: (unit.first_sample, unit.id)):
        unit.person = numbers.setdefault(unit.person or 0, len(numbers) + 1)
    for row in people.rows.values():
        session.delete(row)
    session.flush()
    session.add_all(Person(meeting_id=meeting.id, number=each) for each in numbers.values())
    session.flush()
    return True
