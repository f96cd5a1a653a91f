"""Converts rows to wire types. Workers publish and the API serves the same shapes."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from schema.core.events import Event
from schema.core.states import CoverageKind, SpeakerSource, SummaryKind
from schema.core.units import s_of_samples
from schema.corrections.alignment import timed_words
from schema.meetings.tables import Coverage, Meeting, Note, Segment, Summary, Track
from schema.meetings.wire import Author, Authors, CoverageTotals, MinutesOut, NoteOut, SegmentOut, WordOut
from schema.minutes.minutes import MINUTES, dated, named
from schema.typed_notes.notes import typed_note_out, typed_notes_of


def segment_out(segment: Segment, track_name: str) -> SegmentOut:
    return SegmentOut(
        id=segment.id,
        track=track_name,
        speaker=segment.speaker,
        start_s=s_of_samples(segment.first_sample),
        end_s=s_of_samples(segment.end_sample),
        text=segment.text,
        closed=segment.closed,
        words=[
            WordOut(text=text, start_s=s_of_samples(first), end_s=s_of_samples(end), probability=probability)
            for text, first, end, probability in timed_words(segment.words, segment.text)
        ],
        version=segment.version,
        corrected=segment.corrected,
        model=segment.model,
        adapter=segment.adapter,
        speaker_source=None if segment.speaker_from is None else SpeakerSource(segment.speaker_from),
        overlapped=segment.overlapped,
    )


def note_out(note: Note) -> NoteOut:
    return NoteOut(
        id=note.id,
        start_s=s_of_samples(note.first_sample),
        end_s=s_of_samples(note.end_sample),
        body=note.body,
    )


def minutes_out(session: Session, summary: Summary) -> MinutesOut:
    """The minutes. Days on which actions are due are counted from the meeting's first day."""
    started_on = session.get_one(Meeting, summary.meeting_id).started_at.date()
    return MinutesOut(
        kind=SummaryKind(summary.kind),
        version=summary.version,
        through_s=s_of_samples(summary.through_sample),
        model=summary.model,
        adapter=summary.adapter,
        created_at=summary.created_at,
        minutes=dated(named(MINUTES.validate_python(summary.body)), started_on),
        typed_notes=[typed_note_out(note) for note in typed_notes_of(session, summary.meeting_id)],
    )


def segment_event(segment: Segment, track_name: str) -> Event:
    return Event("segment", segment_out(segment, track_name).model_dump(mode="json"), segment.seq)


def note_event(note: Note) -> Event:
    return Event("note", note_out(note).model_dump(mode="json"), note.seq)


def minutes_event(session: Session, summary: Summary) -> Event:
    return Event("minutes", minutes_out(session, summary).model_dump(mode="json"), summary.seq)


def events_after(session: Session, meeting_id: str, seq: int, limit: int = 500) -> list[Event]:
    """Return the rows of a meeting that changed after *seq*, in order, for a client that resumes.

    A segment that changed several times is returned once, in its current form.
    """
    segments = session.execute(
        select(Segment, Track.name)
        .join(Track, Track.id == Segment.track_id)
        .where(Segment.meeting_id == meeting_id, Segment.seq > seq)
        .order_by(Segment.seq)
        .limit(limit)
    ).all()
    notes = session.scalars(
        select(Note).where(Note.meeting_id == meeting_id, Note.seq > seq).order_by(Note.seq).limit(limit)
    )
    summaries = session.scalars(
        select(Summary).where(Summary.meeting_id == meeting_id, Summary.seq > seq).order_by(Summary.seq).limit(limit)
    )
    events = [segment_event(segment, name) for segment, name in segments]
    events += [note_event(note) for note in notes]
    events += [minutes_event(session, summary) for summary in summaries]
    return sorted(events, key=lambda event: event.seq or 0)[:limit]


def authors(session: Session, meeting_id: str) -> Authors:
    """Return the models and adapters that wrote the text of a meeting."""
    return Authors(
        transcript=_authors(session, meeting_id, Segment),
        minutes=_authors(session, meeting_id, Note, Summary),
    )


def _authors(session: Session, meeting_id: str, *tables: type[Segment | Note | Summary]) -> list[Author]:
    made = (select(table.model, table.adapter).where(table.meeting_id == meeting_id).distinct() for table in tables)
    found = {(model, adapter or "") for each in made for model, adapter in session.execute(each)}
    return [Author(model=model, adapter=adapter or None) for model, adapter in sorted(found)]


def coverage_totals(session: Session, received_samples: dict[str, int]) -> CoverageTotals:
    """Return the coverage of several tracks, in seconds. *received_samples* maps the track id to the received samples.

    A commit may have covered audio since these were read, so a track has received at least what is covered.
    """
    rows = session.execute(
        select(Coverage.track_id, Coverage.kind, func.sum(Coverage.end_sample - Coverage.first_sample))
        .where(Coverage.track_id.in_(received_samples))
        .group_by(Coverage.track_id, Coverage.kind)
    ).all()
    by_kind, by_track = Counter[str](), Counter[str]()
    for track_id, kind, samples in rows:
        by_kind[kind] += int(samples)
        by_track[track_id] += int(samples)
    received = [max(samples, by_track[track_id]) for track_id, samples in received_samples.items()]
    return CoverageTotals(
        duration_s=s_of_samples(max(received, default=0)),
        received_s=s_of_samples(sum(received)),
        pending_s=s_of_samples(sum(received) - by_kind.total()),
        **{f"{kind}_s": s_of_samples(by_kind[kind]) for kind in CoverageKind},
    )
