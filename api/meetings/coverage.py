"""Computes the coverage of a meeting's audio from SQL and the mailboxes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.core.errors import InvalidInput, MailboxMissing, Unavailable
from schema.core.states import MeetingState
from schema.core.units import s_of_samples, samples_of_s
from schema.mailbox import Mailbox
from schema.meetings.tables import Meeting, Track
from schema.meetings.views import coverage_totals
from schema.meetings.wire import CoverageTotals
from schema.stores import Stores

MAY_GROW = frozenset({MeetingState.LIVE, MeetingState.DRAINING})
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MeetingCoverage:
    """`received_samples` by track id, and the seconds of each kind of coverage."""

    received_samples: dict[str, int]
    totals: CoverageTotals

    def data(self) -> dict[str, Any]:
        return self.totals.model_dump(mode="json")


def read_coverage(stores: Stores, meeting_id: str) -> MeetingCoverage:
    """The coverage of a whole meeting. Blocks."""
    with stores.database.read() as session:
        tracks = session.scalars(select(Track).where(Track.meeting_id == meeting_id)).all()
        return coverage_of(session, stores.mailbox, tracks)


def coverage_of(session: Session, mailbox: Mailbox, tracks: Sequence[Track]) -> MeetingCoverage:
    """The coverage of *tracks*, which were read in *session*."""
    return coverage_from(session, received_samples(mailbox, tracks))


def coverage_from(session: Session, received: dict[str, int]) -> MeetingCoverage:
    """The coverage of tracks, given their received positions by id."""
    return MeetingCoverage(received, coverage_totals(session, received))


def moment(session: Session, mailbox: Mailbox, meeting: Meeting, field: str, at_s: float | None) -> int:
    """The sample at *at_s* seconds, by default now: where the received audio ends.

    Raises InvalidInput with the name of the *field* if the meeting has no such moment.
    """
    tracks = session.scalars(select(Track).where(Track.meeting_id == meeting.id)).all()
    received = max(received_samples(mailbox, tracks).values(), default=0)
    if at_s is None and meeting.state == MeetingState.LIVE:
        return received
    if at_s is None:
        raise InvalidInput(f"meeting '{meeting.id}' is {meeting.state}; give '{field}', a moment of it in seconds")
    if samples_of_s(at_s) > received and meeting.state not in MAY_GROW:
        raise InvalidInput(
            f"{field} {at_s:g} is after the end of meeting '{meeting.id}'; "
            f"give a moment up to {s_of_samples(received):g}"
        )
    return samples_of_s(at_s)


def received_samples(mailbox: Mailbox, tracks: Sequence[Track]) -> dict[str, int]:
    """The received position of each track by id. Without Redis, the position that SQL knows."""
    received = {
        track.id: max(track.closed_sample or 0, track.received_sample, track.committed_sample) for track in tracks
    }
    for track in tracks:
        if track.closed_sample is not None:
            continue
        try:
            received[track.id] = max(received[track.id], mailbox.status(track.id).received_sample)
        except MailboxMissing:
            continue  # nobody has sent audio yet, or Redis lost the mailbox: SQL knows the rest
        except Unavailable as error:
            log.warning("the audio received since the last commits is not known at the moment: %s", error.detail)
            break
    return received
