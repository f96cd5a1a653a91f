"""How long audio is kept: `keep`, `after_minutes`, `days:N` or `off`."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, false, or_

from schema.core.states import MeetingState
from schema.core.tables import now
from schema.meetings.tables import Meeting
from schema.uploads.tables import Upload

KEEP, AFTER_MINUTES, OFF = "keep", "after_minutes", "off"


def is_over(retention: str) -> ColumnElement[bool]:
    """SQL condition on a meeting, joined with its upload if it has one: its audio is kept no longer.

    The audio of a recording goes with its file, whatever *retention* says.
    """
    finished = Meeting.state == MeetingState.FINISHED
    file_is_gone = and_(finished, Upload.file_deleted_at.is_not(None))
    return or_(Meeting.state == MeetingState.DELETED, file_is_gone, and_(finished, _time_is_over(retention)))


def _time_is_over(retention: str) -> ColumnElement[bool]:
    if retention == KEEP:
        return false()
    if retention in (AFTER_MINUTES, OFF):
        return Meeting.state == MeetingState.FINISHED
    return Meeting.finished_at < now() - timedelta(days=int(retention.removeprefix("days:")))
