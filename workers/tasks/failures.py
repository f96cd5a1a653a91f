"""Tasks that failed for good. Each is a row that records the reason and can be replayed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.core import queues
from schema.core.database import Database
from schema.core.errors import MinutebookError, WorkerLost
from schema.meetings.tables import Failure, Meeting
from workers.metrics.metrics import metrics


def book_failure(
    database: Database, task: str, arguments: list[Any], error: Exception, attempts: int, *, meeting_id: str | None
) -> None:
    """Record a failed task with its *arguments*. Nothing is recorded when the meeting no longer exists.

    If the same failure was already recorded and not replayed, its attempts are added to that row.
    """
    reason = error.slug if isinstance(error, MinutebookError) else type(error).__name__
    detail = str(error)[:4000]
    metrics().failures.labels(task, reason).inc()
    with database.write() as session:
        if meeting_id is not None and session.get(Meeting, meeting_id) is None:
            return
        known = session.scalar(
            select(Failure).where(
                Failure.meeting_id == meeting_id,
                Failure.task == task,
                Failure.reason == reason,
                Failure.detail == detail,
                Failure.replayed_at.is_(None),
            )
        )
        if known is not None:
            known.attempts += attempts
            return
        session.add(
            Failure(
                meeting_id=meeting_id,
                task=task,
                arguments=arguments,
                reason=reason,
                detail=detail,
                attempts=attempts,
            )
        )


def failed_summaries(session: Session) -> dict[str, bool]:
    """Return the meetings whose summary failed for good and was not replayed.

    The value is True when the summary killed its worker. Such a summary is not tried again until somebody replays it.
    """
    wanted = select(Failure.meeting_id, Failure.reason).where(
        Failure.task == queues.SUMMARIZE, Failure.replayed_at.is_(None)
    )
    deadly: dict[str, bool] = {}
    for meeting_id, reason in session.execute(wanted):
        if meeting_id is not None:
            deadly[meeting_id] = deadly.get(meeting_id, False) or reason == WorkerLost.slug
    return deadly
