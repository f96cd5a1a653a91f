"""Wire types of the meeting routes: requests and responses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from schema.adapters.wire import LABEL_PATTERN
from schema.core.states import DateSource, MeetingState, SpeakerSource, SummaryKind, TitleSource, UploadState
from schema.core.wire import AUTO, Characters, Language, Name, Shown, Text, Wire
from schema.meetings.recording_date import RecordedAt
from schema.minutes.briefing import Briefing
from schema.minutes.minutes import Minutes
from schema.speakers.wish import AUTO_SPEAKERS, SpeakersWish
from schema.typed_notes.wire import TypedNoteOut

AdapterName = Annotated[str, StringConstraints(pattern=LABEL_PATTERN)]
"""`clinic` for the active version, `clinic@3` for version 3, `base` for the model without an adapter."""


class NewTrack(Wire):
    """A track to record. Use one track per participant if the recording separates them, else the single `main`."""

    name: Name = "main"
    speaker: Annotated[Text, Characters(100)] | None = None
    several: bool = False
    """Whether several people may speak on a track with a `speaker`, such as a room that is dialled into a call. They
    are told apart by their voices if the server can. Without a `speaker` they are anyway."""


class NewMeeting(Briefing):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Launch",
                    "language": "en",
                    "participants": ["Priya Sharma", "Leo"],
                    "agenda": ["Budget", "Date of the launch"],
                    "vocabulary": ["Northwind"],
                    "tracks": [{"name": "main"}],
                }
            ]
        }
    )
    title: Annotated[Text, Characters(300)] = ""
    language: Language = AUTO
    """By default the language is detected. With a model that reads only English it is English."""
    recorded_at: RecordedAt | None = None
    """The start of the recording, if it is not now, in ISO 8601. Without an offset it is in the server's zone."""
    speakers: SpeakersWish = AUTO_SPEAKERS
    """`auto` tells speakers on one track apart if the server can; `off`; or how many: `4`, `2-6`."""
    asr_adapter: AdapterName | None = None
    """None means the adapter called `default`, if it has an active version."""
    summary_adapter: AdapterName | None = None
    tracks: list[NewTrack] = Field(default_factory=lambda: [NewTrack()], min_length=1, max_length=32)


class MeetingChange(Briefing):
    """A change of what was said about a meeting. Omitted fields keep their values, and a list replaces the old one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"participants": ["Priya Sharma", "Leo"]}, {"agenda": ["Budget"]}]}
    )


class CoverageTotals(Wire):
    """Seconds of audio by outcome. The outcomes and `pending_s` add up to `received_s`, which counts every track.

    `duration_s` is the length of the recording: the tracks run side by side, so the longest one counts.
    """

    duration_s: float = 0.0
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
    reason: Shown | None = None


class HeardOut(Wire):
    """How far a track was listened to, to tell its speakers apart, and the audio that the listener never got."""

    heard_s: float
    unheard_s: float
    unheard: list[CoverageSpan]


class TrackCoverage(Wire):
    """`speakers` is null for a track on which speakers are not told apart."""

    track: str
    speakers: HeardOut | None = None
    totals: CoverageTotals
    spans: list[CoverageSpan]


class TrackOut(Wire):
    name: str
    speaker: Shown | None
    received_sample: int
    committed_sample: int
    closed: bool


class Author(Wire):
    """A model and the version of its adapter, such as `clinic@3`. None means no adapter."""

    model: str
    adapter: str | None


class Authors(Wire):
    """The models that wrote the text so far."""

    transcript: list[Author]
    minutes: list[Author]


class MeetingOut(Wire):
    """A meeting, or one version of it.

    `version` counts the transcriptions of the same recording. `version_of` is the first of them. Lists and search
    contain the version that is `shown`. While `revising` is true, the minutes are being written again, after a
    correction or on request. `asr_adapter` and `summary_adapter` are the requested adapters. `made_by` says which were
    used; only responses for a single meeting contain it. `upload_state` is the state of the meeting's recording. A live
    meeting has none. `started_at` is the date of the recording, in the time of its place if that is known, and
    `started_at_source` says where it comes from. `speakers` says whether, and how many, speakers on one track are told
    apart, null if they are not. `audio_s` is where the kept audio ends, null if there is none. `title_source` says
    where the title comes from, null if there is none.
    """

    id: str
    title: Shown
    title_source: TitleSource | None = None
    language: str
    state: MeetingState
    created_at: datetime
    started_at: datetime
    started_at_source: DateSource
    finished_at: datetime | None
    participants: list[Shown] = Field(default_factory=list)
    agenda: list[Shown] = Field(default_factory=list)
    vocabulary: list[Shown] = Field(default_factory=list)
    minutes_language: str | None = None
    template: str | None = None
    speakers: str | None = None
    asr_adapter: str | None
    summary_adapter: str | None
    tracks: list[TrackOut] = Field(default_factory=list)
    coverage: CoverageTotals = CoverageTotals()
    version: int = 1
    version_of: str | None = None
    shown: bool = True
    revising: bool = False
    upload_state: UploadState | None = None
    audio_s: float | None = None
    made_by: Authors | None = None


class WordOut(Wire):
    text: Shown
    start_s: float
    end_s: float
    probability: float


class SegmentOut(Wire):
    """A passage of the transcript.

    An open segment (`closed` is false) only grows at its end. A closed segment changes only when somebody corrects it.
    `version` counts these changes. `corrected` means that the segment differs from what the model recognised. New words
    in a corrected segment get the times of the words that they replace, and probability 1. `off_record` says whether a
    part of it is kept out of the minutes; only transcripts and exports tell. `speaker_source` says who told the speaker
    of a track with several. A segment told by the `voice` may still be divided where the speaker changes: it then has
    fewer words, and the others are in new segments. `overlapped` means that somebody else speaks at the same time.
    """

    id: int
    track: str
    speaker: Shown | None
    start_s: float
    end_s: float
    text: Shown
    closed: bool
    words: list[WordOut]
    version: int = 1
    corrected: bool = False
    model: str = ""
    adapter: str | None = None
    off_record: bool | None = None
    speaker_source: SpeakerSource | None = None
    overlapped: bool = False


class NoteOut(Wire):
    id: int
    start_s: float
    end_s: float
    body: dict[str, Any]


class MinutesOut(Wire):
    """Minutes. `typed_notes` are the notes that people typed, as they are now, whatever version of minutes this is."""

    kind: SummaryKind
    version: int
    through_s: float
    model: str
    adapter: str | None
    created_at: datetime
    minutes: Minutes
    typed_notes: list[TypedNoteOut] = Field(default_factory=list)


class SearchHit(Wire):
    """A matching segment. `marks` are the matching [first, end) character ranges of `snippet`.

    A higher `rank` is better. Ranks of different searches cannot be compared.
    """

    meeting_id: str
    title: Shown
    segment_id: int
    track: str
    speaker: Shown | None
    start_s: float
    end_s: float
    rank: float
    snippet: Shown
    marks: list[tuple[int, int]]


class SearchPage(Wire):
    """Best first. `next_cursor` is set while there are more."""

    hits: list[SearchHit]
    next_cursor: str | None = None


class MeetingPage(Wire):
    """Newest first. `next_cursor` is set while there are more."""

    meetings: list[MeetingOut]
    next_cursor: str | None = None


class Transcript(Wire):
    """The segments of all tracks, by time. `GET .../events?after=` continues after `last_seq`."""

    meeting_id: str
    last_seq: int
    segments: list[SegmentOut]


class CoverageOut(Wire):
    totals: CoverageTotals
    tracks: list[TrackCoverage]


class NotesOut(Wire):
    notes: list[NoteOut]
