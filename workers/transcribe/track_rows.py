"""Reads the facts about its tracks that a step needs from SQL, in one query."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.adapters.registry import served_labels
from schema.core.states import AdapterTask, MeetingState
from schema.meetings.tables import Meeting, Segment, Track

PROMPT_SEGMENTS = 4


@dataclass(frozen=True, slots=True)
class TrackFacts:
    track_id: str
    meeting_id: str
    name: str
    committed_sample: int
    epoch: int
    closed_sample: int | None
    language: str
    vocabulary: tuple[str, ...]
    adapter: str | None
    """`NAME@VERSION` of the adapter version that is served now."""
    translate: bool = False
    kept_sample: int | None = None
    """How far the audio is stored; None if it is not kept."""


def read_facts(session: Session, track_ids: Collection[str]) -> dict[str, TrackFacts]:
    """Facts by track id. A track whose meeting was deleted is left out."""
    rows = session.execute(
        select(Track, Meeting)
        .join(Meeting, Meeting.id == Track.meeting_id)
        .where(Track.id.in_(track_ids), Meeting.state != MeetingState.DELETED)
    ).all()
    adapters = served_labels(session, AdapterTask.ASR, {meeting.asr_adapter for _, meeting in rows})
    return {
        track.id: TrackFacts(
            track_id=track.id,
            meeting_id=meeting.id,
            name=track.name,
            committed_sample=track.committed_sample,
            epoch=track.epoch,
            closed_sample=track.closed_sample,
            language=meeting.language,
            vocabulary=meeting.briefing.expected_words,
            translate=meeting.translate,
            adapter=adapters[meeting.asr_adapter],
            kept_sample=track.kept_sample if meeting.keeps_audio else None,
        )
        for track, meeting in rows
    }


def recent_text(session: Session, track_id: str) -> str:
    """The latest text of the track, for a worker that takes it over without the last worker's state."""
    texts = session.scalars(
        select(Segment.text)
        .where(Segment.track_id == track_id)
        .order_by(Segment.first_sample.desc(), Segment.id.desc())
        .limit(PROMPT_SEGMENTS)
    ).all()
    return " ".join(reversed(texts))
