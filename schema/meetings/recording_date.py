"""When a recording was made, and where that date comes from.

A time has an offset from UTC, so that its day is the day at the place of the recording. A time without one, or with
`Z`, which leaves the place open (RFC 9557), is read in the zone of this machine, as most recorders note local time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from schema.core.states import DateSource

if TYPE_CHECKING:  # the command line imports this module, and needs no database
    from schema.meetings.tables import Meeting

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""An earlier date is that of a clock that was never set, such as 1904 or 1970."""
AHEAD = timedelta(days=1)
"""A clock may be ahead, or a time may be in another zone."""
RANK = (DateSource.CREATED, DateSource.FILE, DateSource.RECORDING, DateSource.CALLER)
"""The sources, from the weakest to the best."""
_DAY = re.compile(r"^(\d{4})[:/._-](\d{2})[:/._-](\d{2})(?=\D|$)")


def parse_time(text: str) -> datetime | None:
    """The time that *text* states in ISO 8601, with its offset; None if it states no day.

    Recorders also write `2026:03:05`. A date without a time is the beginning of that day.
    """
    text = _DAY.sub(r"\1-\2-\3", text.strip())
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone() if time.tzinfo is None or text[-1] in "Zz" else time
    except (ValueError, OverflowError, OSError):
        return None


def is_plausible(time: datetime) -> bool:
    """Whether a recording can have been made at *time*."""
    return EARLIEST <= time <= datetime.now(UTC) + AHEAD


def time_of_recording(value: Any) -> datetime:
    """The time that a caller gives for a recording. Raises PydanticCustomError, a ValueError."""
    time = _stated(value)
    if not is_plausible(time):
        raise PydanticCustomError("implausible_time", "Give a time from 1990 on that is not in the future")
    return time


def _stated(value: Any) -> datetime:
    time = value if isinstance(value, datetime) else parse_time(str(value))
    if time is None:
        raise PydanticCustomError(
            "no_time", "Give a date and time in ISO 8601, such as '2026-03-05T09:30:00+01:00' or '2026-03-05T09:30'"
        )
    return time.astimezone() if time.tzinfo is None else time


RecordedAt = Annotated[datetime, BeforeValidator(time_of_recording, json_schema_input_type=str)]
"""The time at which a recording was made, given by the caller."""
FileTime = Annotated[datetime, BeforeValidator(_stated, json_schema_input_type=str)]
"""The time at which a file was last changed. An implausible one is ignored: copying may have set any."""


def set_recording_date(meeting: Meeting, time: datetime | None, source: DateSource) -> None:
    """Store *time* as the start of the meeting, unless it is implausible or a better source has set another."""
    known = DateSource(meeting.recorded_from or DateSource.CREATED)
    if time is not None and is_plausible(time) and RANK.index(source) >= RANK.index(known):
        offset_min = (time.utcoffset() or timedelta()) // timedelta(minutes=1)
        meeting.recorded_at, meeting.recorded_offset_s = time.astimezone(UTC), 60 * offset_min
        meeting.recorded_from = source
