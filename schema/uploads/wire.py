"""Wire types of the upload routes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from schema.core.states import ALL_STREAMS, AUTO_STREAMS, Channels, UploadState
from schema.core.wire import AUTO, Characters, Language, Shown, Text, Wire
from schema.meetings.recording_date import FileTime, RecordedAt
from schema.meetings.wire import AdapterName, CoverageTotals
from schema.minutes.briefing import Briefing
from schema.speakers.wish import SpeakersWish
from schema.uploads.failures import UploadFailure

HIGHEST_PRIORITY = 10
Priority = Annotated[int, Field(ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY)]
STREAM_NUMBERS = re.compile("[1-9][0-9]{0,2}(,[1-9][0-9]{0,2}){0,31}")


def _known_streams(streams: str) -> str:
    streams = streams.replace(" ", "")
    if streams not in (AUTO_STREAMS, ALL_STREAMS) and not STREAM_NUMBERS.fullmatch(streams):
        remedy = "Give 'auto', 'all', or at most 32 numbers of sound streams from 1, such as '1,3'"
        raise PydanticCustomError("unknown_streams", remedy)
    return streams


Streams = Annotated[str, StringConstraints(max_length=200), AfterValidator(_known_streams)]
"""The sound streams of a file that are read. `auto`: all that belong together. `all`: all. Or numbers, from 1."""


class NewUpload(Briefing):
    """Options for an uploaded file."""

    title: Annotated[Text, Characters(300)] = ""
    language: Language = AUTO
    """By default the language is detected. With a model that reads only English it is English."""
    translate: bool = False
    """Write the transcript in English, whatever language is spoken. Not every multilingual model can."""
    recorded_at: RecordedAt | None = None
    """The start of the recording in ISO 8601. Without an offset it is in the server's zone. By default tags say it."""
    modified_at: FileTime | None = None
    """The time at which the file was last changed. It counts if neither the caller nor the tags have a date."""
    asr_adapter: AdapterName | None = None
    summary_adapter: AdapterName | None = None
    channels: Channels = Channels.MIX
    streams: Streams = AUTO_STREAMS
    speakers: SpeakersWish | None = None
    """`auto` tells the speakers of a mixed recording apart if the server can, and is the default of the routes. `off`
    does not. `4` or `2-6` also say how many there are."""
    priority: Priority = 0
    """Higher goes first. Only admin keys may set more than 0, because that goes ahead of other owners' files too."""


class UploadChange(Wire):
    model_config = ConfigDict(json_schema_extra={"examples": [{"paused": True}, {"priority": -1}]})
    paused: bool | None = None
    priority: Priority | None = None


class UploadOut(Wire):
    """`percent` is the progress of transcription. `speed` is the seconds of audio transcribed per second.

    `percent` and `left_s` are None while the length of the recording is unknown. Once all of it is transcribed, the
    minutes are written: `minutes_percent` is their progress, and `left_s` the time left for them, as soon as it can be
    estimated. `coverage` shows what became of the audio; `failed_reason` is the most frequent reason for which some of
    it could not be transcribed.
    """

    id: str
    meeting_id: str
    name: Shown
    state: UploadState
    priority: int
    paused: bool
    channels: Channels
    streams: str
    size_bytes: int | None
    received_bytes: int
    sha256: str | None
    media: dict[str, Any]
    duration_s: float | None
    decoded_s: float
    transcribed_s: float
    percent: float | None
    speed: float | None
    left_s: float | None
    minutes_percent: float | None
    coverage: CoverageTotals
    failed_reason: str | None
    duplicate_of: str | None
    reason: UploadFailure | None
    detail: Shown | None
    created_at: datetime
    expires_at: datetime | None
    finished_at: datetime | None
    file_deleted_at: datetime | None


class UploadPage(Wire):
    """Newest first. `next_cursor` is set while there are more."""

    uploads: list[UploadOut]
    next_cursor: str | None = None
