"""Wire types of the routes for corrections of transcripts and for versions of a meeting."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from schema.core.states import Origin
from schema.core.wire import Characters, Language, Name, Shown, Term, Text, Wire, WrittenLanguage
from schema.meetings.wire import AdapterName, MeetingOut
from schema.minutes.briefing import TemplateName
from schema.speakers.wish import SpeakersWish

TEXT_CHARACTERS = 4000
"""Limit for a segment, which holds up to 20 s of speech."""


SpeakerName = Annotated[Text, Characters(100)]
"""The speaker's name. Null means that the speaker has no name."""


class SegmentChange(Wire):
    """A change of a segment. Omitted fields keep their values. Empty `text` means that nobody spoke."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "We move the launch to Monday."}, {"speaker": "Priya"}]}
    )
    text: Annotated[Text, Characters(TEXT_CHARACTERS)] = ""
    speaker: SpeakerName | None = None


class SpeakerChange(Wire):
    """Renames `speaker` to `new_speaker`. Null means segments without a speaker's name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"speaker": "Channel 1", "new_speaker": "Priya"}]})
    speaker: SpeakerName | None
    new_speaker: SpeakerName | None
    track: Name | None = None
    """Rename only in this track."""


class SpeakerChanged(Wire):
    """The number of segments that changed."""

    segments: int


class SegmentVersion(Wire):
    """One version of a segment. `model` recognised version 1; `author`, the id of a key, wrote the others."""

    version: int
    text: Shown
    speaker: Shown | None
    author: str | None = None
    model: str | None = None
    origin: Origin | None = None
    created_at: datetime | None = None


class SegmentVersions(Wire):
    """Oldest first; the last version is in force."""

    segment_id: int
    versions: list[SegmentVersion]


class CorrectionOut(Wire):
    """One change. Without a `segment_id` it could not be carried over from another version; `reason` says why."""

    id: int
    segment_id: int | None
    version: int | None
    track: str | None
    start_s: float
    end_s: float
    original_text: Shown
    original_speaker: Shown | None
    text: Shown
    speaker: Shown | None
    author: str
    origin: Origin
    created_at: datetime
    reason: Shown | None = None


class CorrectionPage(Wire):
    """Oldest first. `next_cursor` is set while there are more."""

    corrections: list[CorrectionOut]
    next_cursor: int | None = None


class ReprocessPart(StrEnum):
    """What is made again: the `transcript` and then its minutes, or the `minutes` alone."""

    TRANSCRIPT = "transcript"
    MINUTES = "minutes"


class Reprocessing(Wire):
    """Options that differ from the meeting's. Omitted fields keep their values. Null means no adapter.

    Without `part`, fields of the minutes alone mean `minutes`, and any other field means `transcript`. Null as
    `minutes_language` means the language of the meeting, and as `template` the general one.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"asr_adapter": "medical-terms"}, {"part": "minutes", "summary_adapter": None}]}
    )
    part: ReprocessPart | None = None
    language: Language | None = None
    vocabulary: list[Term] | None = Field(default=None, max_length=100)
    speakers: SpeakersWish | None = None
    minutes_language: WrittenLanguage | None = None
    template: TemplateName | None = None
    asr_model: str | None = Field(default=None, max_length=200)
    asr_adapter: AdapterName | None = None
    summary_model: str | None = Field(default=None, max_length=200)
    summary_adapter: AdapterName | None = None


class Reprocessed(Wire):
    """`meeting` will hold the result: a new version for `transcript`, the same meeting for `minutes`.

    `minutes_version` is the version that the minutes will have. The upload `upload_id` shows the progress.
    """

    part: ReprocessPart
    meeting: MeetingOut
    minutes_version: int
    upload_id: str | None = None


class MeetingVersions(Wire):
    """Oldest first, without deleted versions."""

    versions: list[MeetingOut]
