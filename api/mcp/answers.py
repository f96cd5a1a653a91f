"""What the tools answer: less than the API, so that it fits into what an assistant reads."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class MeetingLine(BaseModel):
    id: str
    title: str
    state: str = Field(description="live, draining, summarizing, finished; minutes are final when it is finished")
    started_at: datetime
    length_s: float
    behind_s: float = Field(description="Received audio that has no words yet.")
    not_transcribed_s: float = Field(description="Audio that is missing or could not be transcribed.")


class SaidPassage(BaseModel):
    """A passage of a transcript, said by one speaker."""

    meeting_id: str
    segment_id: int
    version: int = Field(description="Give it when you correct the passage.")
    start_s: float
    end_s: float
    speaker: str | None
    text: str
    final: bool = Field(description="False while the passage may still grow.")


class FoundPassage(BaseModel):
    """A passage with the searched words. `snippet` may be a part of it."""

    meeting_id: str
    title: str
    segment_id: int
    start_s: float
    speaker: str | None
    snippet: str


class TranscriptPart(BaseModel):
    passages: list[SaidPassage]
    next_start_s: float | None = Field(description="Ask again from here; null at the end of the transcript.")


class SupportedLine(BaseModel):
    """A sentence of the minutes, with what was said."""

    sentence_id: str
    version: int
    text: str
    owner: str | None = None
    due: str | None = None
    supported: bool = Field(description="False if the transcript does not carry the sentence. Then say so.")
    evidence: list[SaidPassage]


class MeetingMinutes(BaseModel):
    meeting_id: str
    kind: str = Field(description="rolling while the meeting runs, then final")
    version: int
    through_s: float = Field(description="The minutes cover the meeting up to here.")
    title: str | None
    overview: list[SupportedLine]
    decisions: list[SupportedLine]
    actions: list[SupportedLine]
    questions: list[SupportedLine]
    chapters: dict[str, list[SupportedLine]]


class MeetingNews(BaseModel):
    """What has happened in a live meeting."""

    state: str
    passages: list[SaidPassage] = Field(description="New or changed passages.")
    new_minutes: bool = Field(description="Whether there is a newer version of the minutes to read.")
    next_after: int = Field(description="Give it as `after` to get what happens next.")
    ended: bool
