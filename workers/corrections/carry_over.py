"""Carries corrections over to another transcript of the same recording.

For each corrected segment of the old version, the words of both versions around it are aligned. The corrected text then
replaces the new words that are in the place of that segment. If these words belong to several new segments, the text is
cut at the new boundaries. A corrected speaker is given to the new segments that have at least half of their words in
that place. A correction that fits nowhere stays in the list of corrections, with the reason.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.core.events import Event
from schema.core.states import Origin
from schema.core.units import samples_of_s
from schema.corrections.alignment import FIRST, Alignment, WordRow, joined, timed_words
from schema.corrections.segments import Correction, Edit, SegmentContent, write
from schema.corrections.sentences import SentenceCorrection, last_changes
from schema.meetings.tables import Meeting, Segment, Track
from schema.meetings.views import segment_event
from schema.off_record.passages import carry_passages
from schema.typed_notes.notes import carry_typed_notes
from workers.speakers.carry_over import carry_people

AROUND_SAMPLES = samples_of_s(5)
"""The audio on each side of a segment that is aligned together with it."""
LONGEST_SAMPLES = samples_of_s(60)
"""An upper limit for the length of a segment."""
NO_TRACK = "this version has no track of that name"
NO_WORDS = "this version has no words at that place"
NO_SEGMENT = "no segment of this version has at least half of its words at that place"


@dataclass
class RevisedSegment:
    """A segment of the new version while corrections are applied. `author` is set once one was applied."""

    segment: Segment
    words: list[WordRow]
    speaker: str | None
    author: str = ""


def carry_over(session: Session, meeting: Meeting) -> list[Event]:
    """Carry over corrections, typed notes and passages off the record from the version that *meeting* was made from.

    Returns the events of the segments that changed. The caller has locked the meeting's row.
    """
    named = carry_people(session, meeting)
    changed = carry_corrections(session, meeting)
    corrected = {segment.id for segment, _ in changed}
    changed += [(each, session.get_one(Track, each.track_id).name) for each in named if each.id not in corrected]
    carry_sentences(session, meeting)
    if meeting.made_from:
        carry_typed_notes(session, meeting.id, meeting.made_from)
        carry_passages(session, meeting.id, meeting.made_from)
    return [segment_event(segment, track) for segment, track in changed]


def carry_corrections(session: Session, meeting: Meeting) -> list[tuple[Segment, str]]:
    """Carry over the corrections of the transcript from the version that *meeting* was made from.

    Returns the segments that changed, with the names of their tracks. The caller has locked the meeting's row.
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
    """The last correction of every corrected segment, with the name of the track."""
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
    """Apply *correction* to *lines*. Returns the reason if that is impossible, else None."""
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
    """Words [first, end) of a segment."""

    line: RevisedSegment
    first: int
    end: int


def _spots(lines: Sequence[RevisedSegment], first: int, end: int) -> list[Spot]:
    """Split the words [first, end), counted over all *lines*, by segment."""
    spots, at = [], 0
    for line in lines:
        here = Spot(line, max(first - at, 0), min(end - at, len(line.words)))
        if here.first < here.end:
            spots.append(here)
        at += len(line.words)
    return spots


def _put(written: list[WordRow], spots: Sequence[Spot], author: str) -> None:
    """Replace the words of *spots* by *written*, cut at the boundaries of the new segments."""
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
"""The version of a sentence's first correction. Version 1 is the summariser's sentence."""


def carry_sentences(session: Session, meeting: Meeting) -> None:
    """Carry over the corrections of the minutes from the version that *meeting* was made from.

    A second call changes nothing. The caller has locked the meeting's row.
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
"""Name of the track, first sample, end sample."""


def _spans(session: Session, meeting_id: str) -> dict[int, TrackRange]:
    wanted = select(Segment.id, Track.name, Segment.first_sample, Segment.end_sample).join(
        Track, Track.id == Segment.track_id
    )
    rows = session.execute(wanted.where(Segment.meeting_id == meeting_id).order_by(Segment.first_sample, Segment.id))
    return {key: (track, first, end) for key, track, first, end in rows}


def _in_place_of(spans: Sequence[TrackRange], after: dict[int, TrackRange]) -> list[int]:
    """The segments that overlap one of *spans* by at least half of the shorter of the two."""
    return [
        key for key, (track, first, end) in after.items() if any(_covers(span, (track, first, end)) for span in spans)
    ]


def _covers(one: TrackRange, other: TrackRange) -> bool:
    shared = min(one[2], other[2]) - max(one[1], other[1])
    return one[0] == other[0] and 2 * shared >= min(one[2] - one[1], other[2] - other[1]) > 0
