"""Changes what people said about a meeting beforehand."""

from __future__ import annotations

from sqlalchemy.orm import Session

from schema.corrections.segments import mark_revised
from schema.meetings.locks import lock_meeting
from schema.meetings.tables import Meeting
from schema.minutes.briefing import Briefing


def change_briefing(session: Session, meeting_id: str, wanted: Briefing) -> Meeting:
    """Set the fields that *wanted* names, and have the minutes written again if one of them changes.

    Notes are written again too, if the language or the template of the minutes changes.

    Runs in the caller's transaction. Raises NotFound, Gone.
    """
    meeting = lock_meeting(session, meeting_id)
    briefing = meeting.briefing.model_copy(update=wanted.model_dump(exclude_unset=True))
    if briefing != meeting.briefing:
        before = meeting.briefing
        meeting.brief(briefing)
        seq = mark_revised(session, meeting_id, 1)
        if (before.minutes_language, before.template) != (briefing.minutes_language, briefing.template):
            meeting.notes_seq = seq
    return meeting
