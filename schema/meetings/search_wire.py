"""What a search answers."""

from __future__ import annotations

from schema.meetings.wire import Wire


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
