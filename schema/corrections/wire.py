"""Corrections, and further versions of a meeting, as they cross the doors."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from schema.core.wire import Language, Name, Term, Text, Wire
from schema.corrections.segments import Origin
from schema.meetings.wire import AdapterName, MeetingOut

TEXT_CHARACTERS = 4000
"""Of a segment, which holds 20 s of speech."""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line.isprintable():
        raise PydanticCustomError("control_in_text", "Leave control characters out")
    return line


OneLine = Annotated[Text, AfterValidator(_one_line)]
SpeakerName = Annotated[OneLine, StringConstraints(max_length=100)]
"""Who speaks; null where nobody is named."""


class SegmentChange(Wire):
    """What a segment should say. Of a segment in which nobody spoke the text is empty. What is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "We move the launch to Monday."}, {"speaker": "Priya"}]}
    )
    text: Annotated[OneLine, StringConstraints(max_length=TEXT_CHARACTERS)] = ""
    speaker: SpeakerName | None = None


class SpeakerChange(Wire):
    """Everything that `speaker` said, null for what nobody is named for, was said by `new_speaker`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"speaker": "Channel 1", "new_speaker": "Priya"}]})
    speaker: SpeakerName | None
    new_speaker: SpeakerName | None
    track: Name | None = None
    """Only in this track."""


class SpeakerChanged(Wire):
    """How many segments were changed."""

    segments: int


class SegmentVersion(Wire):
    """What a segment said at one time. Version 1 is what `model` heard; the others are by `author`, a key's id."""

    version: int
    text: str
    speaker: str | None
    author: str | None = None
    model: str | None = None
    origin: Origin | None = None
    created_at: datetime | None = None


class SegmentVersions(Wire):
    """The oldest first; the last one is in force."""

    segment_id: int
    versions: list[SegmentVersion]


class CorrectionOut(Wire):
    """One change. One without `segment_id` could not be carried over from an earlier version: `reason` says why."""

    id: int
    segment_id: int | None
    version: int | None
    track: str | None
    start_s: float
    end_s: float
    original_text: str
    original_speaker: str | None
    text: str
    speaker: str | None
    author: str
    origin: Origin
    created_at: datetime
    reason: str | None = None


class CorrectionPage(Wire):
    """The oldest first. `next_cursor` is given while there are more."""

    corrections: list[CorrectionOut]
    next_cursor: int | None = None


class ReprocessPart(StrEnum):
    """What is made again: the `transcript`, and then minutes of it, or the `minutes` alone."""

    TRANSCRIPT = "transcript"
    MINUTES = "minutes"


class Reprocessing(Wire):
    """What is to be different. What is left out stays as it was; null takes no adapter.

    `part` may be left out where a field says it: `summary_adapter` alone asks for minutes, anything else for a
    transcript.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"asr_adapter": "medical-terms"}, {"part": "minutes", "summary_adapter": None}]}
    )
    part: ReprocessPart | None = None
    language: Language | None = None
    vocabulary: list[Term] | None = Field(default=None, max_length=100)
    asr_model: str | None = Field(default=None, max_length=200)
    asr_adapter: AdapterName | None = None
    summary_model: str | None = Field(default=None, max_length=200)
    summary_adapter: AdapterName | None = None


class Reprocessed(Wire):
    """`meeting` is where the result will be: a version beside the one that was asked for, or with `minutes` itself.

    `minutes_version` is the one that its minutes will have, `upload_id` says how far the reading is.
    """

    part: ReprocessPart
    meeting: MeetingOut
    minutes_version: int
    upload_id: str | None = None


class MeetingVersions(Wire):
    """The oldest first; those that were deleted are left out."""

    versions: list[MeetingOut]
