"""Speakers of whole meetings, live and from files, on real speech and weights."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from schema.core.states import MeetingState, TrackKind
from schema.core.units import samples_of_s
from schema.meetings.tables import Segment, Track
from schema.speakers.tables import VoiceUnit
from tests.workers.conftest import sample_meeting
from tests.workers.worker_rig import WorkerRig
from workers.speakers.listener import Listener

pytestmark = pytest.mark.model


def lines(rig: WorkerRig, meeting_id: str = "m") -> list[tuple[str | None, str]]:
    with rig.database.read() as session:
        rows = session.scalars(
            select(Segment).where(Segment.meeting_id == meeting_id).order_by(Segment.first_sample, Segment.id)
        )
        return [(row.speaker, row.text) for row in rows]


@pytest.mark.parametrize("kind", TrackKind)
def test_show(rig: WorkerRig, listener: Listener, kind: TrackKind) -> None:
    audio = sample_meeting(0, 60)
    track_id = rig.open_meeting(speakers="auto", kind=kind)
    worker = rig.worker()
    for first in range(0, len(audio), samples_of_s(4)):
        rig.append(track_id, audio[first : first + samples_of_s(4)])
        worker.step(0)
        while listener.step(0):
            pass
    print(*lines(rig), sep="\n")
    rig.finish()
    rig.run_until_idle(worker)
    assert rig.state() == MeetingState.DRAINING
    listener.run(0)
    rig.pass_time(5000)
    listener.run(0)
    print("---")
    print(*lines(rig), sep="\n")
    assert rig.state() == MeetingState.SUMMARIZING
    with rig.database.read() as session:
        print(len(session.scalars(select(VoiceUnit)).all()), session.get_one(Track, track_id).heard_sample)
    raise AssertionError
