"""Carries names of people over to another version of the same recording, by the time that their voices share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.corrections.segments import mark_revised
from schema.meetings.tables import Meeting, Segment, Track
from schema.speakers.changes import show_names
from schema.speakers.people import people_of
from schema.speakers.tables import VoiceUnit

VoiceTurn = tuple[int, int, int]
"""First sample, end sample, number of the person."""
LEAST_SHARE = 0.5
"""A person of the new version is the old one who speaks for so much of the same time."""


def carry_people(session: Session, meeting: Meeting) -> list[Segment]:
    """Give the people of *meeting* the names that they have in the version it was made from, and join who was joined.

    Returns the segments that changed. The caller has locked the meeting's row. A second call changes nothing.
    """
    if meeting.made_from is None:
        return []
    before, after = people_of(session, meeting.made_from), people_of(session, meeting.id)
    if not any(row.by_hand for row in before.rows.values()) or any(row.by_hand for row in after.rows.values()):
        return []
    shared: Counter[tuple[int, int]] = Counter()
    spoken: Counter[int] = Counter()
    old, new = _turns(session, meeting.made_from), _turns(session, meeting.id)
    for track in old.keys() & new.keys():
        for first, end, number in new[track]:
            spoken[number] += end - first
        for number, other, samples in _shared(new[track], old[track]):
            shared[number, before.root(other)] += samples
    heirs: dict[int, int] = {}
    for (number, other), samples in shared.most_common():
        if number in heirs or samples < LEAST_SHARE * spoken[number]:
            continue
        heirs[number] = other
        row, same = after.rows[number], [each for each, root in heirs.items() if root == other and each != number]
        if same:
            row.same_as, row.by_hand = same[0], True
        elif before.rows[other].name:
            row.name, row.by_hand = before.rows[other].name, True
    session.flush()
    changed = show_names(session, meeting.id)
    last_seq = mark_revised(session, meeting.id, len(changed)) if changed else 0
    for seq, segment in enumerate(changed, last_seq - len(changed) + 1):
        segment.seq = seq
    session.flush()
    return changed


def _shared(new: Sequence[VoiceTurn], old: Sequence[VoiceTurn]) -> Iterator[tuple[int, int, int]]:
    """(new person, old person, samples) for all turns that overlap. Turns of one track are short and in order."""
    begin = 0
    for first, end, number in new:
        while begin < len(old) and old[begin][1] <= first:
            begin += 1
        for one, two, other in islice(old, begin, None):
            if one >= end:
                break
            yield number, other, max(0, min(end, two) - max(first, one))


def _turns(session: Session, meeting_id: str) -> dict[str, Sequence[VoiceTurn]]:
    """The units of each person, by the name of the track."""
    wanted = (
        select(Track.name, VoiceUnit.first_sample, VoiceUnit.end_sample, VoiceUnit.person)
        .join(Track, Track.id == VoiceUnit.track_id)
        .where(VoiceUnit.meeting_id == meeting_id, VoiceUnit.person.is_not(None))
        .order_by(VoiceUnit.first_sample)
    )
    turns: dict[str, list[VoiceTurn]] = {}
    for name, first, end, number in session.execute(wanted):
        turns.setdefault(name, []).append((first, end, number or 0))
    return dict(turns)
