"""Corrections of minutes carried over to another reading of the same recording.

They wait there for its final minutes. What a sentence rested on becomes the segments that lie in the same place of the
same track.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.core.tables import Meeting, Segment, Track
from schema.corrections.segments import Origin
from schema.corrections.sentences import SentenceCorrection, last_changes

FIRST_VERSION = 2
"""Of a correction; what the summariser writes is the first of its sentence."""


def carry_sentences(session: Session, meeting: Meeting) -> None:
    """Bring what was corrected in the minutes that *meeting* was made from over to it. Done again, it changes nothing.

    The meeting's row is locked by the caller.
    """
    changes = [each for each in last_changes(session, meeting.made_from) if each.in_force] if meeting.made_from else []
    if not changes or last_changes(session, meeting.id):
        return
    before, after = (_spans(session, each) for each in (changes[0].meeting_id, meeting.id))
    for change in changes:
        session.add(
            SentenceCorrection(
                meeting_id=meeting.id,
                sentence_id=change.sentence_id,
                version=FIRST_VERSION,
                part=change.part,
                evidence=_in_place_of([before[key] for key in change.evidence if key in before], after),
                original_text=change.original_text,
                original_owner=change.original_owner,
                original_due=change.original_due,
                text=change.text,
                owner=change.owner,
                due=change.due,
                author=change.author,
                origin=Origin.CARRIED,
            )
        )


Span = tuple[str, int, int]
"""Track, first sample, end."""


def _spans(session: Session, meeting_id: str) -> dict[int, Span]:
    wanted = select(Segment.id, Track.name, Segment.first_sample, Segment.end_sample).join(
        Track, Track.id == Segment.track_id
    )
    rows = session.execute(wanted.where(Segment.meeting_id == meeting_id).order_by(Segment.first_sample, Segment.id))
    return {key: (track, first, end) for key, track, first, end in rows}


def _in_place_of(spans: Sequence[Span], after: dict[int, Span]) -> list[int]:
    """Segments of which at least half lies in one of *spans*, or which hold at least half of one."""
    return [
        key for key, (track, first, end) in after.items() if any(_covers(span, (track, first, end)) for span in spans)
    ]


def _covers(one: Span, other: Span) -> bool:
    shared = min(one[2], other[2]) - max(one[1], other[1])
    return one[0] == other[0] and 2 * shared >= min(one[2] - one[1], other[2] - other[1]) > 0
