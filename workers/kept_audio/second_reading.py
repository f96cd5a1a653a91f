"""Queues live meetings that have ended to be read again from their kept audio, as recordings are read."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from schema.core.errors import Backlogged, Conflict, Gone, NotFound
from schema.core.states import CoverageKind, MeetingState
from schema.core.tables import now
from schema.kept_audio.tables import AudioPiece
from schema.meetings.locks import lock_versions
from schema.meetings.tables import Coverage, Meeting, Track
from schema.meetings.versions import VersionOptions, add_version
from schema.stores import Stores
from schema.uploads.tables import Upload

log = logging.getLogger(__name__)

SELDOM_S = 5.0
PAGE = 20
TRIED_FOR = timedelta(hours=1)
"""A meeting that ended longer ago is left as it is: the setting may be new, or its audio is not whole."""


class SecondReading:
    """Each meeting is read again once, if all of its audio is kept.

    Reading it as a recording has a whole window of context on both sides of a word, which live recognition does not.
    """

    def __init__(self, stores: Stores, *, expires_s: float, open_limit: int) -> None:
        self._stores = stores
        self._expires_s = expires_s
        self._open_limit = open_limit
        self._due_s = 0.0

    def run(self) -> None:
        """Look for meetings, but not more often than every 5 s."""
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + SELDOM_S
        with self._stores.database.read() as session:
            waiting = [each for each in _read_once(session) if _is_whole(session, each)]
        for meeting_id in waiting:
            try:
                self._queue(meeting_id)
            except Backlogged as error:
                log.info("meeting %s is read again later: %s", meeting_id, error)
            except (Conflict, Gone, NotFound) as error:  # It was deleted meanwhile, or somebody has it read again.
                log.info("meeting %s is not read again: %s", meeting_id, error)

    def _queue(self, meeting_id: str) -> None:
        with self._stores.database.write() as session:
            lock_versions(session, meeting_id)
            if meeting_id not in _read_once(session, meeting_id):  # Another worker was faster.
                return
            source = session.get_one(Meeting, meeting_id)
            as_before = VersionOptions(
                language=source.language,
                briefing=source.briefing,
                asr_adapter=source.asr_adapter,
                summary_adapter=source.summary_adapter,
                speakers=source.speakers,
            )
            add_version(session, meeting_id, as_before, expires_s=self._expires_s, open_limit=self._open_limit)


def _read_once(session: Session, meeting_id: str | None = None) -> list[str]:
    """Live meetings that ended lately, have kept audio, and were not read again. Only *meeting_id* if it is given."""
    again = aliased(Meeting)
    chosen = select(Meeting.id).where(
        Meeting.state == MeetingState.FINISHED,
        Meeting.finished_at > now() - TRIED_FOR,
        ~exists().where(Upload.meeting_id == Meeting.id),
        ~exists().where(again.made_from == Meeting.id),
        exists().where(AudioPiece.meeting_id == Meeting.id, AudioPiece.size_bytes.is_not(None)),
    )
    if meeting_id is not None:
        chosen = chosen.where(Meeting.id == meeting_id)
    return list(session.scalars(chosen.order_by(Meeting.finished_at).limit(PAGE)))


def _is_whole(session: Session, meeting_id: str) -> bool:
    """Whether all audio that was received is kept, so that a second reading can only hear more."""
    tracks = select(Track.id).where(Track.meeting_id == meeting_id)
    committed = session.scalar(select(func.sum(Track.committed_sample)).where(Track.meeting_id == meeting_id)) or 0
    length = func.sum(Coverage.end_sample - Coverage.first_sample)
    missing = session.scalar(select(length).where(Coverage.track_id.in_(tracks), Coverage.kind == CoverageKind.MISSING))
    kept = session.scalar(
        select(func.sum(AudioPiece.end_sample - AudioPiece.first_sample)).where(
            AudioPiece.meeting_id == meeting_id, AudioPiece.size_bytes.is_not(None)
        )
    )
    return (kept or 0) >= committed - (missing or 0)
