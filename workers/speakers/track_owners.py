"""Gives the name of a track to the person who speaks most of it, where several people may speak on a named track.

So somebody with a microphone of his own keeps his name, also where his voice is on another track too. In a room with
several people nobody speaks most of it, and they are told apart by number until somebody names them.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from schema.core.units import samples_of_s
from schema.meetings.tables import Track
from schema.speakers.people import People
from schema.speakers.tables import VoiceUnit

OWN_SHARE = 0.8
"""A track is a person's own if so much of the speech on it is his."""
OWN_SAMPLES = samples_of_s(5)
"""With less speech on a track it is nobody's yet."""


def name_owners(session: Session, meeting_id: str, people: People) -> bool:
    """Name the people whose own track has a name, and take the name back where the track is no longer theirs.

    What somebody named by hand stays. Returns whether a name changed.
    """
    tracks = session.scalars(
        select(Track)
        .where(Track.meeting_id == meeting_id, Track.heard_sample.is_not(None), Track.speaker.is_not(None))
        .order_by(Track.name)
    ).all()
    before = {number: row.name for number, row in people.rows.items()}
    owners = {track.speaker or "": _owner(session, track, people) for track in tracks}
    for name, owner in owners.items():
        for number in people.called([name]):
            row = people.rows[number]
            if number != owner and not row.by_hand:
                row.name = None
        mine = None if owner is None else people.rows[owner]
        if mine is not None and mine.name is None and not mine.by_hand and not people.called([name]):
            mine.name = name
    session.flush()
    return before != {number: row.name for number, row in people.rows.items()}


def _owner(session: Session, track: Track, people: People) -> int | None:
    spoken: Counter[int] = Counter()
    lengths = (
        select(VoiceUnit.person, func.sum(VoiceUnit.clean_samples).label("samples"))
        .where(VoiceUnit.track_id == track.id, VoiceUnit.person.is_not(None))
        .group_by(VoiceUnit.person)
    )
    for row in session.execute(lengths):
        spoken[people.root(row.person or 0)] += int(row.samples)
    ((owner, most),) = spoken.most_common(1) or ((None, 0),)
    return owner if most >= max(OWN_SAMPLES, OWN_SHARE * spoken.total()) else None
