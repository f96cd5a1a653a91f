"""Routes of the transcript and the coverage."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.access import find_meeting
from api.auth.bearer import Reader
from api.http import examples
from api.http.problems import responses
from api.meetings.coverage import MeetingCoverage, coverage_of
from api.meetings.routes import ANY
from api.services import ServicesHere
from schema.core.errors import Gone, NotFound
from schema.core.units import s_of_samples
from schema.mailbox import Mailbox
from schema.meetings.tables import Coverage, Segment, Track
from schema.meetings.views import segment_out
from schema.meetings.wire import (
    CoverageOut,
    CoverageSpan,
    CoverageTotals,
    HeardOut,
    SegmentOut,
    TrackCoverage,
    Transcript,
)
from schema.off_record.passages import Passage, is_off_record, passages_of

router = APIRouter(prefix="/v1/meetings/{meeting_id}", tags=["content"], responses=responses(*ANY, NotFound, Gone))


@router.get("/transcript", summary="Show the transcript", responses=examples.response(examples.TRANSCRIPT))
def transcript(
    meeting_id: str,
    services: ServicesHere,
    principal: Reader,
    words: Annotated[bool, Query(description="Include the time and probability of every word")] = False,
) -> Transcript:
    """Show the transcript so far, with all tracks merged by time. A segment that is not closed still grows."""
    with services.database.read() as session:
        meeting = find_meeting(session, meeting_id, principal)
        segments = read_segments(session, meeting_id)
    if not words:
        segments = [segment.model_copy(update={"words": []}) for segment in segments]
    return Transcript(meeting_id=meeting_id, last_seq=meeting.seq, segments=segments)


def read_segments(session: Session, meeting_id: str) -> list[SegmentOut]:
    """The segments of all tracks in order of time. Those that are off the record say so."""
    passages = passages_of(session, meeting_id)
    rows = session.execute(
        select(Segment, Track.name)
        .join(Track, Track.id == Segment.track_id)
        .where(Segment.meeting_id == meeting_id)
        .order_by(Segment.first_sample, Segment.id)
    )
    # A segment that was joined to the one before it again has nothing left.
    return [marked_segment(segment, name, passages) for segment, name in rows if segment.words or segment.text]


def marked_segment(segment: Segment, track_name: str, passages: Collection[Passage]) -> SegmentOut:
    """*segment*, and whether one of *passages* takes a part of it off the record."""
    return segment_out(segment, track_name).model_copy(update={"off_record": is_off_record(segment, passages)})


PENDING, UNHEARD = "pending", "unheard"


@router.get("/coverage", summary="Show the coverage", responses=examples.response(examples.COVERAGE))
def coverage(meeting_id: str, services: ServicesHere, principal: Reader) -> CoverageOut:
    """Account for every second of audio: the spans of a track cover it from 0 to its received position."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        tracks = _tracks(session, meeting_id)
        coverage = coverage_of(session, services.stores.mailbox, tracks)
        return CoverageOut(
            totals=coverage.totals, tracks=[_track_coverage(session, track, coverage) for track in tracks]
        )


def track_coverages(session: Session, mailbox: Mailbox, meeting_id: str) -> list[TrackCoverage]:
    """What happened to the audio of each track."""
    tracks = _tracks(session, meeting_id)
    coverage = coverage_of(session, mailbox, tracks)
    return [_track_coverage(session, track, coverage) for track in tracks]


def _tracks(session: Session, meeting_id: str) -> Sequence[Track]:
    return session.scalars(select(Track).where(Track.meeting_id == meeting_id).order_by(Track.name)).all()


def _track_coverage(session: Session, track: Track, coverage: MeetingCoverage) -> TrackCoverage:
    rows = session.scalars(select(Coverage).where(Coverage.track_id == track.id).order_by(Coverage.first_sample)).all()
    spans = [CoverageSpan.model_validate(row) for row in rows]
    covered = spans[-1].end_sample if spans else 0
    received = max(coverage.received_samples[track.id], covered)
    if covered < received:
        spans.append(CoverageSpan(first_sample=covered, end_sample=received, kind=PENDING))
    return TrackCoverage(track=track.name, totals=_totals(spans), spans=spans, speakers=_heard(track))


def _heard(track: Track) -> HeardOut | None:
    unheard = [
        CoverageSpan(first_sample=first, end_sample=end, kind=UNHEARD, reason=reason)
        for first, end, reason in track.unheard
    ]
    if track.heard_sample is None and not unheard:
        return None
    lost = sum(span.end_sample - span.first_sample for span in unheard)
    end = max(track.heard_sample or 0, *(span.end_sample for span in unheard), 0)
    return HeardOut(heard_s=s_of_samples(end - lost), unheard_s=s_of_samples(lost), unheard=unheard)


def _totals(spans: Sequence[CoverageSpan]) -> CoverageTotals:
    samples: dict[str, int] = {}
    for span in spans:
        samples[span.kind] = samples.get(span.kind, 0) + span.end_sample - span.first_sample
    seconds = {f"{kind}_s": s_of_samples(count) for kind, count in samples.items()}
    received_s = s_of_samples(sum(samples.values()))
    return CoverageTotals(duration_s=received_s, received_s=received_s, **seconds)
