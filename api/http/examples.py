"""Examples for the API reference. They are objects of the types that the routes return.

No field in them is null, because the reference leaves nulls out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from api.export.documents import Export
from schema.core.states import DateSource, DeliveryState, MeetingState, SummaryKind, WebhookEvent
from schema.meetings.live_wire import Received
from schema.meetings.wire import (
    Author,
    Authors,
    CoverageOut,
    CoverageSpan,
    CoverageTotals,
    MeetingOut,
    MeetingPage,
    MinutesOut,
    NoteOut,
    NotesOut,
    SearchHit,
    SearchPage,
    SegmentOut,
    TrackCoverage,
    TrackOut,
    Transcript,
    WordOut,
)
from schema.minutes.minutes import Action, Chapter, Minutes, Sentence
from schema.off_record.wire import OffRecordList, OffRecordOut, OffRecordSource
from schema.templates.wire import TemplateList, TemplateOut
from schema.typed_notes.wire import TypedNoteOut, TypedNotes
from schema.webhooks.wire import CreatedWebhook, DeliveryOut, DeliveryPage, WebhookList, WebhookOut

STARTED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TOTALS = CoverageTotals(duration_s=12.0, received_s=12.0, transcribed_s=9.5, silent_s=1.5, failed_s=1.0)
MEETING = MeetingOut(
    id="5f2a9c0e81d74b3696c2f1aa",
    title="Launch",
    language="en",
    state=MeetingState.FINISHED,
    created_at=STARTED_AT,
    started_at=STARTED_AT,
    started_at_source=DateSource.CREATED,
    finished_at=STARTED_AT + timedelta(minutes=3),
    asr_adapter="medical-terms",
    summary_adapter="short-minutes",
    tracks=[TrackOut(name="main", speaker="Priya", received_sample=192_000, committed_sample=192_000, closed=True)],
    coverage=TOTALS,
    made_by=Authors(
        transcript=[Author(model="package:tiny.en", adapter="medical-terms@3")],
        minutes=[Author(model="package:gemma-3-270m", adapter="short-minutes@1")],
    ),
)
MEETINGS = MeetingPage(
    meetings=[MEETING.model_copy(update={"made_by": None})], next_cursor="MjAyNi0wMy0wMlQwOTozMDowMCswMDowMCA1ZjJh"
)
SEGMENT = SegmentOut(
    id=1,
    track="main",
    speaker="Priya",
    start_s=0.5,
    end_s=2.1,
    text="We move the launch.",
    closed=True,
    words=[WordOut(text=" We", start_s=0.5, end_s=0.7, probability=0.98)],
    model="package:tiny.en",
    adapter="medical-terms@3",
    off_record=False,
)
TRANSCRIPT = Transcript(meeting_id=MEETING.id, last_seq=1, segments=[SEGMENT])
TYPED_NOTE = TypedNoteOut(
    id=1,
    at_s=2.0,
    text="Ask finance first",
    person="Mia",
    author="0f1e2d3c4b5a",
    version=1,
    created_at=STARTED_AT,
)
TEMPLATES = TemplateList(
    templates=[TemplateOut(name="stand-up", title="Stand-up", sections=["Done", "In progress", "Blocked", "Next"])]
)
PASSAGE = OffRecordOut(id=1, start_s=750.0, end_s=840.0, source=OffRecordSource.MARKED)
OFF_RECORD = OffRecordList(off_record=[PASSAGE])
TYPED_NOTES = TypedNotes(typed_notes=[TYPED_NOTE])
SENTENCE = Sentence("The launch moves to Monday.", evidence=(1,), support=0.8, supported=True)
MINUTES = MinutesOut(
    kind=SummaryKind.FINAL,
    version=1,
    through_s=11.0,
    model="package:gemma-3-270m",
    adapter="short-minutes@1",
    created_at=STARTED_AT,
    minutes=Minutes(
        overview=(SENTENCE,),
        chapters=(Chapter("Launch date", 0, 176_000, (SENTENCE,)),),
        decisions=(SENTENCE,),
        actions=(Action("Reviews the fix", "Priya", "Thursday", (1,), 0.7, True),),
    ),
    typed_notes=[TYPED_NOTE],
)
EXPORT = Export(meeting=MEETING, minutes=MINUTES, typed_notes=[TYPED_NOTE], segments=[SEGMENT])
NOTES = NotesOut(notes=[NoteOut(id=1, start_s=0.0, end_s=11.0, body={"text": "The launch moves."})])
COVERAGE = CoverageOut(
    totals=TOTALS,
    tracks=[
        TrackCoverage(
            track="main",
            totals=TOTALS,
            spans=[
                CoverageSpan(first_sample=0, end_sample=152_000, kind="transcribed"),
                CoverageSpan(first_sample=152_000, end_sample=176_000, kind="silent"),
                CoverageSpan(first_sample=176_000, end_sample=192_000, kind="failed", reason="repetition"),
            ],
        )
    ],
)
SEARCH = SearchPage(
    hits=[
        SearchHit(
            meeting_id=MEETING.id,
            title="Launch",
            segment_id=1,
            track="main",
            speaker="Priya",
            start_s=0.5,
            end_s=2.1,
            rank=1.3,
            snippet="We move the launch.",
            marks=[(12, 18)],
        )
    ]
)
WEBHOOK = WebhookOut(
    id="wh_7d0b4c1e2f3a5b6c7d8e9f01",
    url="https://hooks.example.com/minutes",
    events=[WebhookEvent.MINUTES_FINAL],
    created_at=STARTED_AT,
)
CREATED_WEBHOOK = CreatedWebhook(**WEBHOOK.model_dump(), secret="whsec_MTIz")  # noqa: S106
WEBHOOKS = WebhookList(webhooks=[WEBHOOK])
DELIVERY = DeliveryOut(
    id=1,
    message_id="msg_0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    event=WebhookEvent.MINUTES_FINAL,
    data={"meeting_id": MEETING.id, "version": 1},
    state=DeliveryState.PENDING,
    attempts=1,
    http_status=503,
    error="the receiver answered 503",
    created_at=STARTED_AT,
    due_at=STARTED_AT + timedelta(seconds=5),
    ended_at=None,
)
DELIVERIES = DeliveryPage(deliveries=[DELIVERY])
RECEIVED = Received(track="main", received_sample=192_000)


def response(example: BaseModel, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for a successful answer, with *example*."""
    return {status: {"content": {"application/json": {"example": example.model_dump(mode="json")}}}}
