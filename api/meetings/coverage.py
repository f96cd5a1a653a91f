"""What became of a meeting's audio, from SQL and the mailboxes together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.core.errors import MailboxMissing, Unavailable
from schema.mailbox import Mailbox
from schema.meetings.tables import Track
from schema.meetings.views import coverage_totals
from schema.meetings.wire import (
    CoverageTotals,
)
from schema.stores import Stores

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MeetingCoverage:
    """`received_samples` by track id, and seconds by what became of them."""

    received_samples: dict[str, int]
    totals: CoverageTotals

    def data(self) -> dict[str, Any]:
        return self.totals.model_dump(mode="json")


def read_coverage(stores: Stores, meeting_id: str) -> MeetingCoverage:
    """Of a whole meeting. Blocks."""
    with stores.database.read() as session:
        tracks = session.scalars(select(Track).where(Track.meeting_id == meeting_id)).all()
        return coverage_of(session, stores.mailbox, tracks)


def coverage_of(session: Session, mailbox: Mailbox, tracks: Sequence[Track]) -> MeetingCoverage:
    """Of *tracks*, which were read in *session*."""
    return coverage_from(session, received_samples(mailbox, tracks))


def coverage_from(session: Session, received: dict[str, int]) -> MeetingCoverage:
    """Of the tracks whose received positions are given, by their ids."""
    totals = coverage_totals(session, received)
    # A commit between the two reads may already cover what a mailbox had not received yet.
    return MeetingCoverage(received, totals if totals.pending_s >= 0 else totals.model_copy(update=_caught_up(totals)))


def _caught_up(totals: CoverageTotals) -> dict[str, float]:
    return {"received_s": totals.received_s - totals.pending_s, "pending_s": 0.0}


def received_samples(mailbox: Mailbox, tracks: Sequence[Track]) -> dict[str, int]:
    """How far each track is received, by id. Without Redis, what SQL knows of it."""
    received = {
        track.id: max(track.closed_sample or 0, track.received_sample, track.committed_sample) for track in tracks
    }
    for track in tracks:
        if track.closed_sample is not None:
            continue
        try:
            received[track.id] = max(received[track.id], mailbox.status(track.id).received_sample)
        except MailboxMissing:
            continue  # nobody sent audio to it yet, or Redis lost it: SQL has the rest
        except Unavailable as error:
            log.warning("what was received since the last commits is not known for now: %s", error.detail)
            break
    return received
