"""The tools that read. Each is one or two requests to the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from api.client import corrections
from api.client.events import follow_events
from api.client.http import Http
from api.mcp.answers import (
    FoundPassage,
    MeetingLine,
    MeetingMinutes,
    MeetingNews,
    SaidPassage,
    SupportedLine,
    TranscriptPart,
)
from schema.core.errors import MinutebookError
from schema.core.events import ENDING_STATES, Event
from schema.meetings.wire import MeetingOut, SegmentOut
from schema.minutes.minutes import Action, MinutesItem

NEWS_LIMIT = 200
"""The most events in one answer about a live meeting."""
MORE_S = 0.3
"""Rows that are in the database come in one go. A longer pause means that the rest is not there yet."""

AskedMeeting = Annotated[str, Field(description="The meeting's id, from list_meetings or search_meetings.")]


class ReadingTools:
    """Tools for the meetings that the key may see."""

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url
        self._key = key

    @asynccontextmanager
    async def api(self) -> AsyncIterator[Http]:
        """The API. What it refuses reaches the assistant with its reason."""
        try:
            async with Http(self._url, self._key) as http:
                yield http
        except MinutebookError as error:
            raise ToolError(error.detail) from error

    async def list_meetings(self, limit: Annotated[int, Field(ge=1, le=200)] = 20) -> list[MeetingLine]:
        """List the newest meetings: titles, dates, lengths, and how far live ones are behind."""
        async with self.api() as http:
            return [_meeting_line(each) for each in await http.meetings(limit)]

    async def search_meetings(
        self,
        words: Annotated[str, Field(description="Words that were said. All of them must be in one passage.")],
        limit: Annotated[int, Field(ge=1, le=50)] = 20,
    ) -> list[FoundPassage]:
        """Search the transcripts of all meetings. The best passages come first."""
        async with self.api() as http:
            page = await http.search(words, limit)
        return [FoundPassage.model_validate(hit, from_attributes=True) for hit in page.hits]

    async def read_transcript(
        self,
        meeting_id: AskedMeeting,
        start_s: Annotated[float, Field(ge=0, description="Read passages that end after this second.")] = 0.0,
        limit: Annotated[int, Field(ge=1, le=500)] = 100,
    ) -> TranscriptPart:
        """Read what was said in a meeting, with speakers and times. Long transcripts come in parts."""
        async with self.api() as http:
            segments = [each for each in await corrections.segments(http, meeting_id) if each.end_s > start_s]
        rest = segments[limit:]
        return TranscriptPart(
            passages=[passage(meeting_id, each) for each in segments[:limit]],
            next_start_s=rest[0].start_s if rest else None,
        )

    async def read_minutes(self, meeting_id: AskedMeeting) -> MeetingMinutes:
        """Read the minutes of a meeting. Each sentence comes with the passages that say it."""
        async with self.api() as http:
            found = await http.minutes(meeting_id)
            said = {each.id: passage(meeting_id, each) for each in await corrections.segments(http, meeting_id)}
        minutes = found.minutes
        chapters = {chapter.title or f"Chapter {at}": chapter for at, chapter in enumerate(minutes.chapters, 1)}
        return MeetingMinutes(
            meeting_id=meeting_id,
            kind=found.kind,
            version=found.version,
            through_s=found.through_s,
            title=minutes.title,
            overview=_lines(minutes.overview, said),
            decisions=_lines(minutes.decisions, said),
            actions=_lines(minutes.actions, said),
            questions=_lines(minutes.questions, said),
            chapters={title: _lines(chapter.sentences, said) for title, chapter in chapters.items()},
        )

    async def follow_meeting(
        self,
        meeting_id: AskedMeeting,
        after: Annotated[int, Field(ge=0, description="0 at first, then `next_after` of the last answer.")] = 0,
        wait_s: Annotated[float, Field(ge=0, le=60, description="How long to wait for something new.")] = 20.0,
    ) -> MeetingNews:
        """Follow a live meeting: wait until something is said or written, and return it. Call it again to go on."""
        async with self.api() as http:
            events = await _news(http, meeting_id, after, wait_s)
            state = (await http.meeting(meeting_id)).state
        segments = {each.id: each for each in map(_segment, events) if each is not None}
        return MeetingNews(
            state=state,
            passages=[passage(meeting_id, each) for each in segments.values()],
            new_minutes=any(event.type == "minutes" for event in events),
            next_after=max((event.seq for event in events if event.seq is not None), default=after),
            ended=state in ENDING_STATES and len(events) < NEWS_LIMIT,
        )


async def _news(http: Http, meeting_id: str, after: int, wait_s: float) -> list[Event]:
    """The rows after *after*. Waits up to *wait_s* for the first, and then takes those that are there already."""
    events: list[Event] = []
    stream = follow_events(http, meeting_id, after)
    try:
        async with asyncio.timeout(wait_s) as waiting:
            async for event in stream:
                if event.seq is None:
                    continue
                events.append(event)
                if len(events) >= NEWS_LIMIT:
                    break
                waiting.reschedule(asyncio.get_running_loop().time() + MORE_S)
    except TimeoutError:
        pass
    finally:
        await stream.aclose()
    return events


def passage(meeting_id: str, segment: SegmentOut) -> SaidPassage:
    return SaidPassage(
        meeting_id=meeting_id,
        segment_id=segment.id,
        version=segment.version,
        start_s=segment.start_s,
        end_s=segment.end_s,
        speaker=segment.speaker,
        text=segment.text,
        final=segment.closed,
    )


def _segment(event: Event) -> SegmentOut | None:
    return SegmentOut.model_validate(event.data) if event.type == "segment" else None


def _meeting_line(meeting: MeetingOut) -> MeetingLine:
    coverage = meeting.coverage
    return MeetingLine(
        id=meeting.id,
        title=meeting.title,
        state=meeting.state,
        started_at=meeting.started_at,
        length_s=coverage.duration_s,
        behind_s=coverage.pending_s,
        not_transcribed_s=coverage.missing_s + coverage.failed_s + coverage.shed_s,
    )


def _lines(sentences: Sequence[MinutesItem], said: Mapping[int, SaidPassage]) -> list[SupportedLine]:
    return [minutes_line(each, (said[number] for number in each.evidence if number in said)) for each in sentences]


def minutes_line(sentence: MinutesItem, evidence: Iterable[SaidPassage]) -> SupportedLine:
    return SupportedLine(
        sentence_id=sentence.id,
        version=sentence.version,
        text=sentence.text,
        owner=sentence.owner if isinstance(sentence, Action) else None,
        due=sentence.due if isinstance(sentence, Action) else None,
        supported=sentence.supported,
        evidence=list(evidence),
    )
