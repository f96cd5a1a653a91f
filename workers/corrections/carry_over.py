"""Corrections carried over to another reading of the same recording.

For each corrected segment of the version that the new one was made from, the words of both readings around it are
aligned, and what the new one has in the place of that segment's words is replaced by the corrected text. Text that
falls into several segments is cut where the new reading cuts it. A speaker is given to the segments that lie in that
place for at least half of their words. What finds no place stays in the list of corrections, with the reason.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.core.events import Event
from schema.core.units import samples_of_s
from schema.corrections.alignment import FIRST, Alignment, WordRow, joined, timed_words
from schema.corrections.segments import Correction, Edit, Origin, SegmentContent, write
from schema.corrections.sentences import SentenceCorrection, last_changes
from schema.meetings.tables import Meeting, Segment, Track
from schema.meetings.views import segment_event

AROUND_SAMPLES = samples_of_s(5)
"""How much beside a segment is aligned with it."""
LONGEST_SAMPLES = samples_of_s(60)
"""No segment is longer."""
NO_TRACK = "this version has no track of that name"
NO_WORDS = "this version has no words where they were said"
NO_SEGMENT = "no segment of this version lies mostly where they were said"


@dataclass
class RevisedSegment:
    """A segment of the new reading while corrections are put into it."""

    segment: Segment
    words: list[WordRow]
    speaker: str | None
    author: str = ""


def carry_over(session: Session, meeting: Meeting) -> list[Event]:
    """Bring what was corrected in the version that *meeting* was made from over to it, in transcript and minutes.

    Returns the events of the segments that changed. The meeting's row is locked by the caller.
    """
    changed = carry_corrections(session, meeting)
    carry_sentences(session, meeting)
    return [segment_event(segment, track) for segment, track in changed]


def carry_corrections(session: Session, meeting: Meeting) -> list[tuple[Segment, str]]:
    """Bring what was corrected in the version that *meeting* was made from over to it.

    Returns the segments that changed, with their tracks' names. The meeting's row is locked by the caller.
    """
    corrections = _in_force(session, meeting.made_from) if meeting.made_from else []
    tracks = {track.name: track for track in session.scalars(select(Track).where(Track.meeting_id == meeting.id))}
    changed: list[tuple[Segment, str]] = []
    for name in sorted({name for _, name in corrections}):
        mine = [correction for correction, track in corrections if track == name]
        if name not in tracks:
            for correction in mine:
                _set_aside(session, meeting, None, correction, NO_TRACK)
            continue
        edits = _carry_track(session, meeting, tracks[name], mine)
        changed += [(segment, name) for segment in write(session, meeting.id, edits)]
    return changed


def _in_force(session: Session, meeting_id: str) -> list[tuple[Correction, str]]:
    """The latest correction of every corrected segment with its track's name."""
    latest = (
        select(Correction, Track.name)
        .join(Segment, (Segment.id == Correction.segment_id) & (Segment.version == Correction.version))
        .join(Track, Track.id == Segment.track_id)
        .where(Segment.meeting_id == meeting_id, Segment.corrected)
        .order_by(Segment.first_sample, Segment.id)
    )
    return [(correction, name) for correction, name in session.execute(latest)]


def _carry_track(session: Session, meeting: Meeting, track: Track, corrections: Sequence[Correction]) -> list[Edit]:
    old = _segments(session, corrections[0].track_id)
    lines = [
        RevisedSegment(each, timed_words(each.words, each.text), each.speaker) for each in _segments(session, track.id)
    ]
    old_starts = [each.first_sample for each in old]
    new_starts = [line.segment.first_sample for line in lines]
    for correction in corrections:
        first, end = correction.first_sample - AROUND_SAMPLES, correction.end_sample + AROUND_SAMPLES
        near_old = [each for each in old[_near(old_starts, first, end)] if each.end_sample > first]
        near_new = [line for line in lines[_near(new_starts, first, end)] if line.segment.end_sample > first]
        reason = _carry(correction, near_old, near_new)
        if reason is not None:
            _set_aside(session, meeting, track, correction, reason)
    return [
        Edit(line.segment, SegmentContent(joined(line.words), line.speaker), line.author, Origin.CARRIED)
        for line in lines
        if line.author
    ]


def _segments(session: Session, track_id: str | None) -> Sequence[Segment]:
    wanted = select(Segment).where(Segment.track_id == track_id).order_by(Segment.first_sample, Segment.id)
    return session.scalars(wanted).all()


def _near(starts: Sequence[int], first: int, end: int) -> slice:
    return slice(bisect_left(starts, first - LONGEST_SAMPLES), bisect_right(starts, end))


def _carry(correction: Correction, old: Sequence[Segment], lines: Sequence[RevisedSegment]) -> str | None:
    """Put *correction* into *lines*; returns why that cannot be done."""
    before = [word for each in old if each.first_sample < correction.first_sample for word in each.words]
    own = next(each for each in old if each.id == correction.segment_id).words
    after = [word for each in old if each.first_sample > correction.first_sample for word in each.words]
    alignment = Alignment([*before, *own, *after], [word for line in lines for word in line.words])
    first = alignment.place(len(before), correction.first_sample)
    end = alignment.place(len(before) + len(own), correction.end_sample)
    spots = _spots(lines, first, end)
    if not spots:
        return None if not correction.text else NO_WORDS
    if correction.speaker != correction.original_speaker:
        mostly = [spot for spot in spots if 2 * (spot.end - spot.first) >= len(spot.line.words)]
        if not mostly:
            return NO_SEGMENT
        for spot in mostly:
            spot.line.speaker, spot.line.author = correction.speaker, correction.author
    if correction.text != correction.original_text:
        _put(timed_words(own, correction.text), spots, correction.author)
    return None


@dataclass(frozen=True, slots=True)
class Spot:
    """Words [first, end) of a line."""

    line: RevisedSegment
    first: int
    end: int


def _spots(lines: Sequence[RevisedSegment], first: int, end: int) -> list[Spot]:
    """Where words [first, end), counted over all *lines*, lie in each."""
    spots, at = [], 0
    for line in lines:
        here = Spot(line, max(first - at, 0), min(end - at, len(line.words)))
        if here.first < here.end:
            spots.append(here)
        at += len(line.words)
    return spots


def _put(written: list[WordRow], spots: Sequence[Spot], author: str) -> None:
    """Replace the words of *spots* by *written*, cut where the new reading goes on to its next segment."""
    heard = [word for spot in spots for word in spot.line.words[spot.first : spot.end]]
    alignment = Alignment(heard, written)
    cuts, at = [0], 0
    for spot in spots[:-1]:
        at += spot.end - spot.first
        cuts.append(max(cuts[-1], alignment.place(at, heard[at][FIRST])))
    cuts.append(len(written))
    for spot, first, end in zip(spots, cuts, cuts[1:], strict=False):
        spot.line.words[spot.first : spot.end] = written[first:end]
        spot.line.author = author


def _set_aside(session: Session, meeting: Meeting, track: Track | None, correction: Correction, reason: str) -> None:
    session.add(
        Correction(
            meeting_id=meeting.id,
            track_id=track.id if track else None,
            first_sample=correction.first_sample,
            end_sample=correction.end_sample,
            original_text=correction.original_text,
            original_speaker=correction.original_speaker,
            text=correction.text,
            speaker=correction.speaker,
            author=correction.author,
            origin=Origin.CARRIED,
            reason=reason,
        )
    )


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


TrackRange = tuple[str, int, int]
"""Track, first sample, end."""


def _spans(session: Session, meeting_id: str) -> dict[int, TrackRange]:
    wanted = select(Segment.id, Track.name, Segment.first_sample, Segment.end_sample).join(
        Track, Track.id == Segment.track_id
    )
    rows = session.execute(wanted.where(Segment.meeting_id == meeting_id).order_by(Segment.first_sample, Segment.id))
    return {key: (track, first, end) for key, track, first, end in rows}


def _in_place_of(spans: Sequence[TrackRange], after: dict[int, TrackRange]) -> list[int]:
    """Segments of which at least half lies in one of *spans*, or which hold at least half of one."""
    return [
        key for key, (track, first, end) in after.items() if any(_covers(span, (track, first, end)) for span in spans)
    ]


def _covers(one: TrackRange, other: TrackRange) -> bool:
    shared = min(one[2], other[2]) - max(one[1], other[1])
    return one[0] == other[0] and 2 * shared >= min(one[2] - one[1], other[2] - other[1]) > 0
