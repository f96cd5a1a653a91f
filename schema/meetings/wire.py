"""What crosses the doors: requests, answers, and the frames of the live socket."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from schema.adapters.label import LABEL_PATTERN
from schema.core.errors import DecodeError, InvalidAudio
from schema.core.languages import AUTO, LANGUAGES
from schema.core.states import MeetingState, SummaryKind
from schema.core.units import MEETING_LIMIT_SAMPLES
from schema.mailbox.limits import check_piece
from schema.meetings.minutes import Minutes

POSITION = struct.Struct("<Q")
"""A live frame begins with the position of its first sample: 8 bytes, little-endian."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


AdapterName = Annotated[str, StringConstraints(pattern=LABEL_PATTERN)]
"""`clinic`, its active version; `clinic@3`, this one; `base`, the model without any."""


def _storable(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul_in_text", "Leave the NUL character out; not every database keeps it")
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_storable)]
Term = Annotated[Text, StringConstraints(min_length=1, max_length=60)]


def _known_language(code: str) -> str:
    if code not in LANGUAGES and code != AUTO:
        raise PydanticCustomError("unknown_language", "Give the code of a language, such as 'en' or 'de', or 'auto'")
    return code


Language = Annotated[str, AfterValidator(_known_language)]
"""One that some Whisper model knows. Without this check its audio would be taken, and fail in the worker."""


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)


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


class Received(Wire):
    """How far the track's audio is safely received: where the producer goes on."""

    track: str
    received_sample: int


class Problem(BaseModel):
    """RFC 9457 problem details; further members carry the values that belong to the error."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str
    retryable: bool = False


class SkipControl(Wire):
    """The producer lost what lies before `to_sample` for good; the span is booked as missing."""

    type: Literal["skip"]
    to_sample: int = Field(ge=0, le=MEETING_LIMIT_SAMPLES)


class FinishControl(Wire):
    type: Literal["finish"]


Control = Annotated[SkipControl | FinishControl, Field(discriminator="type")]
_CONTROL: TypeAdapter[SkipControl | FinishControl] = TypeAdapter(Control)


def decode_control(message: str) -> SkipControl | FinishControl:
    """A text frame of a live socket. Raises DecodeError."""
    try:
        return _CONTROL.validate_json(message)
    except ValidationError as error:
        raise DecodeError(
            f"{message[:80]!r} is no control message ({error.errors(include_url=False)[0]['msg']}); "
            'send {"type": "skip", "to_sample": N} or {"type": "finish"}'
        ) from error


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A binary frame of a live socket: `first_sample` and PCM16."""

    first_sample: int
    pcm: bytes

    @classmethod
    def decode(cls, message: bytes, limit_bytes: int) -> LiveFrame:
        """Raises InvalidAudio or AudioTooFar naming the value."""
        if len(message) < POSITION.size:
            raise InvalidAudio(
                f"a frame of {len(message)} bytes has no position; send 8 bytes little-endian first sample, then PCM16"
            )
        (first_sample,) = POSITION.unpack_from(message)
        pcm = message[POSITION.size :]
        check_piece(first_sample, len(pcm), limit_bytes)
        return cls(first_sample, pcm)

    def encode(self) -> bytes:
        return POSITION.pack(self.first_sample) + self.pcm
