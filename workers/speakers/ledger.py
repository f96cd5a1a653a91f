"""Commits what the listener heard: units, people and labels, with the position of the track, in one transaction.

The tracker of a meeting is a function of its units in the order of their ids. So a worker that takes over builds the
same tracker from SQL, and a step that is done twice gives the same labels.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from schema.core.database import Database
from schema.core.errors import Gone
from schema.core.events import Event
from schema.core.states import SpeakerSource
from schema.core.units import s_of_samples, samples_of_s
from schema.meetings.locks import advance_seq, lock_meeting, lock_tracks
from schema.meetings.tables import Meeting, Segment, Track
from schema.meetings.views import segment_event
from schema.speakers.changes import show_names
from schema.speakers.labels import label_segments
from schema.speakers.people import People, add_people, people_of
from schema.speakers.tables import VoiceUnit
from schema.speakers.wish import speaker_range
from workers.speakers.engine import HeardUnit
from workers.speakers.track_owners import name_owners
from workers.speakers.tracker import Tracker

TRACKERS_LIMIT = 32
"""Trackers that a process keeps. Another one is built again from SQL."""
BEHIND_SAMPLES = samples_of_s(5)
"""Segments this far before the new units are named again, because a nearer unit may have come."""
UNHEARD_LIMIT = 1000
"""Spans of audio that a track lists as unheard. Later ones extend the last."""


@dataclass(frozen=True, slots=True)
class HeardCommit:
    """One step of the listener on a track: from `old_sample` to `new_sample`, under the epochs of its claim."""

    meeting_id: str
    track_id: str
    old_epoch: int
    epoch: int
    old_sample: int
    new_sample: int
    units: Sequence[HeardUnit] = ()
    unheard: tuple[int, int, str] | None = None
    """Audio that was not listened to: first sample, end sample, reason."""


@dataclass(slots=True)
class Trackers:
    """The trackers of the latest meetings, each with the id of the last unit that it knows."""

    model: str
    kept: OrderedDict[str, tuple[int, Tracker]] = field(default_factory=OrderedDict)

    def take(self, session: Session, meeting: Meeting) -> Tracker:
        """The tracker of *meeting*, with all of its units. It is not kept, because the transaction may fail."""
        last_id, tracker = self.kept.pop(meeting.id, (0, Tracker(most=speaker_range(meeting.speakers or "")[1])))
        for unit in units_of(session, meeting.id, after_id=last_id):
            if unit.embedding is None or unit.person is None:
                continue
            if unit.model == self.model:
                tracker.know(vector_of(unit.embedding), s_of_samples(unit.clean_samples), unit.person)
            else:  # The voices of another model cannot be compared with these. Their people keep their numbers.
                tracker.taken = max(tracker.taken, unit.person)
        return tracker

    def keep(self, meeting_id: str, last_id: int, tracker: Tracker) -> None:
        self.kept[meeting_id] = (last_id, tracker)
        if len(self.kept) > TRACKERS_LIMIT:
            self.kept.popitem(last=False)


def units_of(session: Session, meeting_id: str, after_id: int = 0) -> Sequence[VoiceUnit]:
    wanted = select(VoiceUnit).where(VoiceUnit.meeting_id == meeting_id, VoiceUnit.id > after_id)
    return session.scalars(wanted.order_by(VoiceUnit.id)).all()


def vector_of(embedding: bytes) -> NDArray[np.float32]:
    return np.frombuffer(embedding, dtype="<f2").astype(np.float32)


def commit_heard(database: Database, part: HeardCommit, trackers: Trackers) -> list[Event] | None:
    """Write a step. Returns the events to publish, or None if another worker was faster or the meeting is gone."""
    with database.write() as session:
        lock_tracks(session, part.meeting_id)
        if not _take(session, part):
            return None
        try:
            meeting = lock_meeting(session, part.meeting_id)
        except Gone:
            return None
        people = people_of(session, meeting.id)
        tracker = trackers.take(session, meeting)
        last_id = 0
        for unit in part.units:
            last_id = _add_unit(session, part, unit, tracker, trackers.model)
        people = _meet(session, meeting.id, people, tracker)
        renamed = name_owners(session, meeting.id, people)
        since = part.old_sample - BEHIND_SAMPLES
        changed = label_segments(session, meeting.id, people, SpeakerSource.VOICE, since)
        if renamed:
            changed += [each for each in show_names(session, meeting.id) if each not in changed]
        events = number(session, meeting, changed)
    if last_id:
        trackers.keep(part.meeting_id, last_id, tracker)
    return events


def _take(session: Session, part: HeardCommit) -> bool:
    """Advance the position if nobody has done it since the step began."""
    chosen = update(Track).where(
        Track.id == part.track_id, Track.heard_sample == part.old_sample, Track.heard_epoch == part.old_epoch
    )
    taken = session.scalar(chosen.values(heard_sample=part.new_sample, heard_epoch=part.epoch).returning(Track))
    if taken is None:
        return False
    if part.unheard is not None:
        spans = [*taken.unheard, list(part.unheard)]
        if len(spans) > UNHEARD_LIMIT:
            spans[-2:] = [[spans[-2][0], *spans[-1][1:]]]
        taken.unheard = spans
    return True


def _add_unit(session: Session, part: HeardCommit, unit: HeardUnit, tracker: Tracker, model: str) -> int:
    row = VoiceUnit(
        meeting_id=part.meeting_id,
        track_id=part.track_id,
        first_sample=unit.span.first_sample,
        end_sample=unit.span.end_sample,
        clean_samples=unit.span.clean_samples,
        model=model,
    )
    if unit.embedding is not None:
        row.embedding = unit.embedding.astype("<f2").tobytes()
        row.person = tracker.add(vector_of(row.embedding), s_of_samples(unit.span.clean_samples))
    session.add(row)
    session.flush()
    return row.id


def _meet(session: Session, meeting_id: str, people: People, tracker: Tracker) -> People:
    """Note new people, and people who turned out to be the same, unless somebody decided otherwise."""
    people = add_people(session, meeting_id, people, tracker.persons)
    for person, other in tracker.same.items():
        row, into = (people.rows.get(people.root(number)) for number in (person, other))
        if row is None or into is None or row is into:
            continue
        if not row.by_hand:
            row.same_as = into.number
        elif not into.by_hand:  # The later one has a name, which stays.
            into.same_as = row.number
    session.flush()
    return people


def number(session: Session, meeting: Meeting, changed: Sequence[Segment]) -> list[Event]:
    """Give the changed segments their `seq`, and return their events. Minutes that rest on them are written again."""
    if not changed:
        return []
    last_seq = advance_seq(session, meeting.id, len(changed))
    if any(segment.note_id is not None for segment in changed):
        session.execute(update(Meeting).where(Meeting.id == meeting.id).values(revised_seq=last_seq))
    tracks = select(Track.id, Track.name).where(Track.meeting_id == meeting.id)
    names = {track_id: name for track_id, name in session.execute(tracks)}  # noqa: C416 - rows are no pairs
    for seq, segment in enumerate(changed, last_seq - len(changed) + 1):
        segment.seq = seq
    session.flush()
    return [segment_event(segment, names[segment.track_id]) for segment in changed]
