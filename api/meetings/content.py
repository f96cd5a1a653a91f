"""What a meeting holds: transcript, minutes, notes, coverage, and all of it as a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.access import find_meeting
from api.auth.bearer import Reader
from api.auth.keys import Principal
from api.export.documents import Export, Form, to_json, to_markdown, to_srt, to_text, to_vtt
from api.export.docx import to_docx
from api.http import examples
from api.http.problems import responses
from api.meetings.coverage import Tally, tally_of
from api.meetings.routes import ANY, meeting_out
from api.services import Services, ServicesHere
from schema.core.errors import Gone, NotFound
from schema.core.states import SummaryKind
from schema.core.tables import Coverage, Meeting, Note, Segment, Summary, Track
from schema.core.units import s_of_samples
from schema.meetings.answers import CoverageOut, NotesOut, Transcript
from schema.meetings.views import minutes_out, note_out, segment_out
from schema.meetings.wire import CoverageSpan, CoverageTotals, MinutesOut, SegmentOut, TrackCoverage

PENDING = "pending"
VERSION_LIMIT = 2**31 - 1
"""What the column holds."""


WRITERS: dict[Form, tuple[Callable[[Export], str | bytes], str]] = {
    Form.MD: (to_markdown, "text/markdown; charset=utf-8"),
    Form.JSON: (to_json, "application/json"),
    Form.TXT: (to_text, "text/plain; charset=utf-8"),
    Form.SRT: (to_srt, "application/x-subrip; charset=utf-8"),
    Form.VTT: (to_vtt, "text/vtt; charset=utf-8"),
    Form.DOCX: (to_docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
}
SHOWN: dict[str, dict[str, Any]] = {
    media_type: {} if form == Form.DOCX else {"example": write(examples.EXPORT)}
    for form, (write, media_type) in WRITERS.items()
}
SHOWN[WRITERS[Form.JSON][1]] = {"example": examples.EXPORT.model_dump(mode="json")}
"""What the reference shows of each, which cannot be done of DOCX."""

router = APIRouter(prefix="/v1/meetings/{meeting_id}", tags=["content"], responses=responses(*ANY, NotFound, Gone))


@router.get("/transcript", responses=examples.response(examples.TRANSCRIPT))
def transcript(
    meeting_id: str,
    services: ServicesHere,
    principal: Reader,
    words: Annotated[bool, Query(description="With the time and probability of every word")] = False,
) -> Transcript:
    """What was said so far, all tracks merged by time. A segment that is not closed still grows at its end."""
    with services.database.read() as session:
        meeting = find_meeting(session, meeting_id, principal)
        segments = read_segments(session, meeting_id)
    if not words:
        segments = [segment.model_copy(update={"words": []}) for segment in segments]
    return Transcript(meeting_id=meeting_id, last_seq=meeting.seq, segments=segments)


@router.get("/minutes", responses=examples.response(examples.MINUTES))
def minutes(
    meeting_id: str,
    services: ServicesHere,
    principal: Reader,
    kind: Annotated[SummaryKind | None, Query(description="The final ones if there are any, when left out")] = None,
    version: Annotated[int | None, Query(ge=1, le=VERSION_LIMIT, description="The latest, when left out")] = None,
) -> MinutesOut:
    """The minutes. Each sentence carries the segments that it rests on, and whether they support it."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        found = read_minutes(session, meeting_id, kind, version)
    if found is None:
        which = " ".join(filter(None, [kind, "minutes", f"of version {version}" if version else None]))
        raise NotFound(f"meeting '{meeting_id}' has no {which} yet; events tell when there are new ones")
    return found


@router.get("/notes", responses=examples.response(examples.NOTES))
def notes(meeting_id: str, services: ServicesHere, principal: Reader) -> NotesOut:
    """The notes that the minutes are made of, by level and time."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        wanted = select(Note).where(Note.meeting_id == meeting_id).order_by(Note.level, Note.ordinal)
        return NotesOut(notes=[note_out(note) for note in session.scalars(wanted)])


@router.get("/coverage", responses=examples.response(examples.COVERAGE))
def coverage(meeting_id: str, services: ServicesHere, principal: Reader) -> CoverageOut:
    """What became of every second: the spans of a track tile it from 0 to its received position."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        tracks = session.scalars(select(Track).where(Track.meeting_id == meeting_id).order_by(Track.name)).all()
        tally = tally_of(session, services.blocking_mailbox, tracks)
        return CoverageOut(totals=tally.totals, tracks=[_track_coverage(session, track, tally) for track in tracks])


@router.get("/export", responses={200: {"content": SHOWN}})
def export(
    meeting_id: str,
    services: ServicesHere,
    principal: Reader,
    form: Annotated[Form, Query(alias="format")] = Form.MD,
    minutes: Annotated[int | None, Query(ge=1, le=VERSION_LIMIT, description="Final minutes of this version")] = None,
) -> Response:
    """Minutes, transcript and coverage as Markdown, JSON, text or DOCX; the transcript as SRT or WebVTT subtitles."""
    write, media_type = WRITERS[form]
    name = f'inline; filename="meeting-{meeting_id}.{form.value}"'
    body = write(_read_export(services, meeting_id, principal, minutes))
    return Response(body, media_type=media_type, headers={"Content-Disposition": name})


def read_segments(session: Session, meeting_id: str) -> list[SegmentOut]:
    """All tracks by time."""
    rows = session.execute(
        select(Segment, Track.name)
        .join(Track, Track.id == Segment.track_id)
        .where(Segment.meeting_id == meeting_id)
        .order_by(Segment.first_sample, Segment.id)
    )
    return [segment_out(segment, name) for segment, name in rows]


def read_minutes(
    session: Session, meeting_id: str, kind: SummaryKind | None = None, version: int | None = None
) -> MinutesOut | None:
    """The latest minutes of *kind*, by default the final ones or else the rolling ones; or those of *version*."""
    wanted = select(Summary).where(Summary.meeting_id == meeting_id)
    if kind is not None:
        wanted = wanted.where(Summary.kind == kind)
    if version is not None:
        wanted = wanted.where(Summary.version == version)
    final_first = (Summary.kind != SummaryKind.FINAL, Summary.version.desc())
    summary = session.scalar(wanted.order_by(*final_first).limit(1))
    if summary is None:
        return None
    return minutes_out(summary)


def _read_export(services: Services, meeting_id: str, principal: Principal, version: int | None) -> Export:
    with services.database.read() as session:
        meeting: Meeting = find_meeting(session, meeting_id, principal)
        minutes = read_minutes(session, meeting_id, None if version is None else SummaryKind.FINAL, version)
        if minutes is None and version is not None:
            raise NotFound(f"meeting '{meeting_id}' has no final minutes of version {version}; leave it out")
        return Export(
            meeting=meeting_out(session, services.blocking_mailbox, meeting),
            minutes=minutes,
            segments=read_segments(session, meeting_id),
        )


def _track_coverage(session: Session, track: Track, tally: Tally) -> TrackCoverage:
    rows = session.scalars(select(Coverage).where(Coverage.track_id == track.id).order_by(Coverage.first_sample)).all()
    spans = [CoverageSpan.model_validate(row) for row in rows]
    covered = spans[-1].end_sample if spans else 0
    received = max(tally.received_samples[track.id], covered)
    if covered < received:
        spans.append(CoverageSpan(first_sample=covered, end_sample=received, kind=PENDING))
    return TrackCoverage(track=track.name, totals=_totals(spans), spans=spans)


def _totals(spans: Sequence[CoverageSpan]) -> CoverageTotals:
    samples: dict[str, int] = {}
    for span in spans:
        samples[span.kind] = samples.get(span.kind, 0) + span.end_sample - span.first_sample
    seconds = {f"{kind}_s": s_of_samples(count) for kind, count in samples.items()}
    return CoverageTotals(received_s=s_of_samples(sum(samples.values())), **seconds)
