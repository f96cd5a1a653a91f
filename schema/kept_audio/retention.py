"""How long audio is kept: `keep`, `after_minutes`, `days:N` or `off`."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, exists, false, or_
from sqlalchemy.orm import aliased

from schema.core.states import MeetingState, UploadState
from schema.core.tables import now
from schema.meetings.tables import Meeting
from schema.uploads.tables import Upload

KEEP, AFTER_MINUTES, OFF = "keep", "after_minutes", "off"
GRACE = timedelta(minutes=1)
"""In this time after the minutes, a meeting is queued to be read again if the server does that."""


def is_over(retention: str) -> ColumnElement[bool]:
    """SQL condition on a meeting, joined with its upload if it has one: its audio is kept no longer.

    The audio of a recording goes with its file, whatever *retention* says. Audio that is being read again is kept until
    it has been read.
    """
    finished = Meeting.state == MeetingState.FINISHED
    file_is_gone = and_(finished, Upload.file_deleted_at.is_not(None), Upload.audio_of.is_(None))
    time_is_over = and_(finished, _time_is_over(retention), ~_is_read_again())
    return or_(Meeting.state == MeetingState.DELETED, file_is_gone, time_is_over)


def _is_read_again() -> ColumnElement[bool]:
    reader = aliased(Upload)
    return exists().where(reader.audio_of == Meeting.id, reader.state.in_((UploadState.QUEUED, UploadState.DECODING)))


def _time_is_over(retention: str) -> ColumnElement[bool]:
    if retention == KEEP:
        return false()
    if retention == OFF:
        return Meeting.state == MeetingState.FINISHED
    age = GRACE if retention == AFTER_MINUTES else timedelta(days=int(retention.removeprefix("days:")))
    return Meeting.finished_at < now() - age
