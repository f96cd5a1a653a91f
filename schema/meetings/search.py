"""Full-text search over all transcripts: FTS5 on SQLite, a GIN index over tsvector on PostgreSQL.

Migration 0003 creates both indexes, and the database updates them with every change of a segment's text, including open
segments that grow. Search compares whole words, without stemming for any language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Select, String, bindparam, cast, column, func, literal_column, select, table
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from schema.core.errors import InvalidInput
from schema.core.states import MeetingState
from schema.meetings.tables import Meeting, Segment, Track

TERMS_LIMIT = 16
RANKED_LIMIT = 5000
"""Only the newest matches are ranked, up to this number. Otherwise a search for a common word would be very slow."""
SNIPPET_WORDS = 32
OPEN, CLOSE = "\x02", "\x03"
"""Mark the start and end of each match in the database's snippets. No transcript contains these characters."""
INDEX_TABLE = "segments_fts"
INDEX_NAME = "ix_segments_text_search"

_TERM = re.compile(r'"([^"]*)(?:"|$)|([^\s"]+)')
_MARK = re.compile(f"[{OPEN}{CLOSE}]")
_FTS = table(INDEX_TABLE, column("rowid"))
_FTS_NAME: ColumnElement[str] = literal_column(INDEX_TABLE)
_VECTOR = func.to_tsvector(literal_column("'simple'"), Segment.text)


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """A word or a quoted phrase. With `prefix`, words that start with the last word match too."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class SearchScope:
    """Limits a search. None means no limit.

    Without `meeting_id`, only the shown version of each meeting is searched. `through_id` excludes later segments, so
    that they cannot shift the pages of a search.
    """

    owner: str | None = None
    meeting_id: str | None = None
    through_id: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A matching segment. `marks` are the matching character ranges of `snippet`. A higher `rank` is better."""

    segment: Segment
    meeting: Meeting
    track: str
    rank: float
    snippet: str
    marks: list[tuple[int, int]]


def parse_query(text: str) -> list[SearchTerm]:
    """Parse a query into terms: words, "phrases in quotes", and prefixes (`begin*`). There are no other operators.

    Raises InvalidInput when the query contains no word, or more than TERMS_LIMIT terms.
    """
    terms = []
    for phrase, word in _TERM.findall(text.replace("\0", " ")):
        term = SearchTerm(phrase) if phrase else SearchTerm(word.rstrip("*"), word.endswith("*"))
        if any(character.isalnum() for character in term.text):
            terms.append(term)
    if not terms:
        raise InvalidInput(f"q {text[:80]!r} contains no word; give words, or a phrase in double quotes")
    if len(terms) > TERMS_LIMIT:
        raise InvalidInput(f"q has {len(terms)} terms; give at most {TERMS_LIMIT}")
    return terms


def last_segment_id(session: Session) -> int:
    return session.scalar(select(func.max(Segment.id))) or 0


def search(session: Session, terms: list[SearchTerm], scope: SearchScope, limit: int, offset: int = 0) -> list[Hit]:
    """Return the segments that contain all *terms*, best first: at most *limit*, starting at *offset*."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    found = _sqlite_matches(terms) if on_sqlite else _postgres_matches(terms)
    # Ordered by the index's own rowid, SQLite reads the index from its end and stops at the limit. Ordered by any
    # other column it would read the whole index.
    number = _FTS.c.rowid if on_sqlite else Segment.id
    newest = _within(found, scope).order_by(number.desc()).limit(RANKED_LIMIT).subquery()
    best = select(newest.c.id, newest.c.rank).order_by(newest.c.rank.desc(), newest.c.id.desc())
    ranks = {key: float(rank) for key, rank in session.execute(best.limit(limit).offset(offset))}
    if not ranks:
        return []
    snippets = _sqlite_snippets(terms) if on_sqlite else _postgres_snippets(terms)
    wanted = session.execute(snippets.where(Segment.id.in_(ranks)))
    hits = [_hit(*row, ranks[row[0].id]) for row in wanted]
    return sorted(hits, key=lambda hit: (-hit.rank, -hit.segment.id))


def _within(found: Select[int, float], scope: SearchScope) -> Select[int, float]:
    found = found.join(Meeting, Meeting.id == Segment.meeting_id).where(Meeting.state != MeetingState.DELETED)
    if scope.owner is not None:
        found = found.where(Meeting.owner == scope.owner)
    found = found.where(Meeting.shown if scope.meeting_id is None else Meeting.id == scope.meeting_id)
    if scope.through_id is not None:
        found = found.where(Segment.id <= scope.through_id)
    return found


def _hit(segment: Segment, meeting: Meeting, track: str, marked: str, rank: float) -> Hit:
    snippet, marks = unmarked(marked)
    return Hit(segment, meeting, track, rank, snippet, marks)


def unmarked(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a snippet without its marks, and the character ranges that they enclosed."""
    text, marks, opened = "", [], None
    at = 0
    for mark in _MARK.finditer(marked):
        text += marked[at : mark.start()]
        at = mark.end()
        if mark[0] == OPEN:
            opened = len(text)
        elif opened is not None:
            marks.append((opened, len(text)))
            opened = None
    return text + marked[at:], marks


def _sqlite_matches(terms: list[SearchTerm]) -> Select[int, float]:
    rank = (-func.bm25(_FTS_NAME)).label("rank")
    return select(Segment.id, rank).join(_FTS, _FTS.c.rowid == Segment.id).where(_fts_match(terms))


def _sqlite_snippets(terms: list[SearchTerm]) -> Select[Segment, Meeting, str, str]:
    snippet = func.snippet(_FTS_NAME, 0, OPEN, CLOSE, "…", SNIPPET_WORDS)
    return _shown(snippet).join(_FTS, _FTS.c.rowid == Segment.id).where(_fts_match(terms))


def _fts_match(terms: list[SearchTerm]) -> ColumnElement[bool]:
    # FTS5 has no operators inside double quotes: the tokenizer turns the content into a phrase.
    quoted = ['"' + term.text.replace('"', " ") + '"' + ("*" if term.prefix else "") for term in terms]
    return _FTS_NAME.op("MATCH", is_comparison=True)(bindparam("match", " AND ".join(quoted), String))


def _postgres_matches(terms: list[SearchTerm]) -> Select[int, float]:
    query = _tsquery(terms)
    rank = func.ts_rank_cd(_VECTOR, query).label("rank")
    return select(Segment.id, rank).where(_VECTOR.op("@@", is_comparison=True)(query))


def _postgres_snippets(terms: list[SearchTerm]) -> Select[Segment, Meeting, str, str]:
    words = f"MaxWords={SNIPPET_WORDS}, MinWords={SNIPPET_WORDS // 2}"
    options = f"StartSel={OPEN}, StopSel={CLOSE}, {words}"
    return _shown(func.ts_headline(literal_column("'simple'"), Segment.text, _tsquery(terms), options))


def _tsquery(terms: list[SearchTerm]) -> ColumnElement[str]:
    """A query that requires every term, each as a phrase. PostgreSQL parses a phrase as text, without operators."""
    phrases = [_phrase(term) for term in terms]
    query = phrases[0]
    for phrase in phrases[1:]:
        query = query.op("&&")(phrase)
    return query


def _phrase(term: SearchTerm) -> ColumnElement[str]:
    phrase = func.phraseto_tsquery(literal_column("'simple'"), term.text)
    if not term.prefix:
        return phrase
    # The query as text looks like 'one' <-> 'two'. Append the prefix sign to its last word; an empty query stays NULL.
    return cast(func.nullif(cast(phrase, String), "").op("||")(":*"), TSQUERY)


def _shown(snippet: ColumnElement[str]) -> Select[Segment, Meeting, str, str]:
    return (
        select(Segment, Meeting, Track.name, snippet)
        .join(Meeting, Meeting.id == Segment.meeting_id)
        .join(Track, Track.id == Segment.track_id)
    )
