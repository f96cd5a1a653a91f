"""What crosses the doors: requests, answers, and the frames of the live socket."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from schema.adapters.wire import LABEL_PATTERN
from schema.core.states import MeetingState, SummaryKind
from schema.core.wire import Language, Name, Term, Text, Wire
from schema.meetings.minutes import Minutes

AdapterName = Annotated[str, StringConstraints(pattern=LABEL_PATTERN)]
"""`clinic`, its active version; `clinic@3`, this one; `base`, the model without any."""


class NewTrack(Wire):
    """A track to record: one per participant where the capture gives them, else the single `main`."""

    name: Name = "main"
    speaker: Annotated[Text, StringConstraints(max_length=100)] | None = None


class NewMeeting(Wire):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"title": "Launch", "language": "en", "vocabulary": ["Priya"], "tracks": [{"name": "main"}]}]
        }
    )
    title: Annotated[Text, StringConstraints(max_length=300)] = ""
    language: Language = "en"
    vocabulary: list[Term] = Field(default_factory=list, max_length=100)
    """Names and terms that the recogniser should expect."""
    asr_adapter: AdapterName | None = None
    """None is the adapter called `default`, if there is an active one."""
    summary_adapter: AdapterName | None = None
    tracks: list[NewTrack] = Field(default_factory=lambda: [NewTrack()], min_length=1, max_length=32)


class CoverageTotals(Wire):
    """Seconds by what became of them; all of them and `pending_s` add up to `received_s`."""

    received_s: float = 0.0
    transcribed_s: float = 0.0
    silent_s: float = 0.0
    missing_s: float = 0.0
    failed_s: float = 0.0
    shed_s: float = 0.0
    pending_s: float = 0.0


class CoverageSpan(Wire):
    first_sample: int
    end_sample: int
    kind: str
    reason: str | None = None


class TrackCoverage(Wire):
    track: str
    totals: CoverageTotals
    spans: list[CoverageSpan]


class TrackOut(Wire):
    name: str
    speaker: str | None
    received_sample: int
    committed_sample: int
    closed: bool


class Author(Wire):
    """A model, and the version of an adapter in it (`clinic@3`; None for the bare model)."""

    model: str
    adapter: str | None


class Authors(Wire):
    """Who made the text that there is so far."""

    transcript: list[Author]
    minutes: list[Author]


class MeetingOut(Wire):
    """`version` counts the readings of one recording, of which the first is `version_of`; lists and search have the one
    that is `shown`. `revising`: minutes are being made again, after a correction or because somebody asked for it.
    `asr_adapter` and `summary_adapter` were asked for; `made_by`, in answers for one meeting, says what was used.
    """

    id: str
    title: str
    language: str
    state: MeetingState
    created_at: datetime
    finished_at: datetime | None
    asr_adapter: str | None
    summary_adapter: str | None
    tracks: list[TrackOut] = Field(default_factory=list)
    coverage: CoverageTotals = CoverageTotals()
    version: int = 1
    version_of: str | None = None
    shown: bool = True
    revising: bool = False
    made_by: Authors | None = None


class WordOut(Wire):
    text: str
    start_s: float
    end_s: float
    probability: float


class SegmentOut(Wire):
    """An open segment (`closed` false) still grows at its end; what it holds never changes.

    A closed one changes only when somebody corrects it. `version` counts that, and `corrected` says that it is not what
    was heard. The words of a corrected one have the times of what they stand for, and probability 1 where they are new.
    """

    id: int
    track: str
    speaker: str | None
    start_s: float
    end_s: float
    text: str
    closed: bool
    words: list[WordOut]
    version: int = 1
    corrected: bool = False
    model: str = ""
    adapter: str | None = None


class NoteOut(Wire):
    id: int
    level: int
    start_s: float
    end_s: float
    body: dict[str, Any]


class MinutesOut(Wire):
    kind: SummaryKind
    version: int
    through_s: float
    model: str
    adapter: str | None
    created_at: datetime
    minutes: Minutes


class SearchHit(Wire):
    """A segment in which the words are said. `marks` are [first, end) ranges of characters in `snippet`.

    A higher `rank` is better; ranks of different searches do not compare.
    """

    meeting_id: str
    title: str
    segment_id: int
    track: str
    speaker: str | None
    start_s: float
    end_s: float
    rank: float
    snippet: str
    marks: list[tuple[int, int]]


class SearchPage(Wire):
    """The best first. `next_cursor` is given while there are more."""

    hits: list[SearchHit]
    next_cursor: str | None = None


class MeetingPage(Wire):
    """The newest first. `next_cursor` is given while there are more."""

    meetings: list[MeetingOut]
    next_cursor: str | None = None


class Transcript(Wire):
    """All tracks by time. `last_seq` is where `GET .../events?after=` goes on."""

    meeting_id: str
    last_seq: int
    segments: list[SegmentOut]


class CoverageOut(Wire):
    totals: CoverageTotals
    tracks: list[TrackCoverage]


class NotesOut(Wire):
    notes: list[NoteOut]
