"""Examples of corrections and versions for the API reference. `api.http.examples` has the others."""

from __future__ import annotations

from datetime import timedelta

from api.http.examples import MEETING, SEGMENT, STARTED_AT
from api.http.examples import SENTENCE as WRITTEN
from schema.core.states import MeetingState, Origin
from schema.corrections.sentence_wire import SentenceOut, SentenceVersion, SentenceVersions
from schema.corrections.wire import (
    CorrectionOut,
    CorrectionPage,
    MeetingVersions,
    Reprocessed,
    ReprocessPart,
    SegmentVersion,
    SegmentVersions,
    SpeakerChanged,
)
from schema.minutes.minutes import MinutesPart

LATER = STARTED_AT + timedelta(hours=1)
TEXT = "We move the lunch."
CORRECTED = SEGMENT.model_copy(update={"text": TEXT, "version": 2, "corrected": True})
VERSIONS = SegmentVersions(
    segment_id=SEGMENT.id,
    versions=[
        SegmentVersion(version=1, text=SEGMENT.text, speaker="Priya", model="package:tiny.en"),
        SegmentVersion(
            version=2, text=TEXT, speaker="Priya", author="0f1e2d3c4b5a", origin=Origin.EDITED, created_at=LATER
        ),
    ],
)
RENAMED = SpeakerChanged(segments=12)
CORRECTIONS = CorrectionPage(
    corrections=[
        CorrectionOut(
            id=1,
            segment_id=SEGMENT.id,
            version=2,
            track="main",
            start_s=0.5,
            end_s=2.1,
            original_text=SEGMENT.text,
            original_speaker="Priya",
            text=TEXT,
            speaker="Priya",
            author="0f1e2d3c4b5a",
            origin=Origin.EDITED,
            created_at=LATER,
        )
    ]
)
SECOND = MEETING.model_copy(
    update={
        "id": "8c1d0f7e5b2a493d86e1c4f2",
        "state": MeetingState.DRAINING,
        "version": 2,
        "version_of": MEETING.id,
        "shown": False,
    }
)
REPROCESSED = Reprocessed(
    part=ReprocessPart.TRANSCRIPT, meeting=SECOND, minutes_version=1, upload_id="2b7e151628aed2a6abf71589"
)
MEETING_VERSIONS = MeetingVersions(versions=[MEETING, SECOND])

SENTENCE = SentenceOut(
    id="s0f1e2d3c4b5a",
    part=MinutesPart.DECISION,
    text=WRITTEN.text,
    evidence=[1],
    support=0.8,
    supported=True,
    version=1,
    corrected=False,
)
SENTENCE_TEXT = "The launch moves to Monday, the ninth."
CORRECTED_SENTENCE = SENTENCE.model_copy(
    update={"text": SENTENCE_TEXT, "support": 0.0, "supported": False, "version": 2, "corrected": True}
)
SENTENCE_VERSIONS = SentenceVersions(
    sentence_id=SENTENCE.id,
    versions=[
        SentenceVersion(version=1, text=WRITTEN.text, model="package:gemma-3-270m"),
        SentenceVersion(version=2, text=SENTENCE_TEXT, author="0f1e2d3c4b5a", origin=Origin.EDITED, created_at=LATER),
    ],
)
