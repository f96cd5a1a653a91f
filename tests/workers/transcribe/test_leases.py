"""An extended lease lasts as long as a long step, and no longer."""

from __future__ import annotations

import time

from tests.workers.worker_rig import WorkerRig
from training.data.audio import Samples
from workers.transcribe.leases import extended

LEASE_MS = 500


def test_a_track_cannot_be_claimed_while_its_lease_is_extended(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    claimed = rig.mailbox.claim("first", 1, LEASE_MS)
    with extended(rig.mailbox, claimed.tracks, LEASE_MS):
        time.sleep(3 * LEASE_MS / 1000)
        assert rig.mailbox.claim("second", 1, LEASE_MS).tracks == []
    rig.pass_time(LEASE_MS)
    (taken,) = rig.mailbox.claim("second", 1, LEASE_MS).tracks
    assert taken.attempts == 2


def test_a_released_track_is_not_extended(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech)
    (claim,) = rig.mailbox.claim("first", 1, LEASE_MS).tracks
    with extended(rig.mailbox, [claim], LEASE_MS):
        rig.mailbox.release(track_id, claim.epoch, committed_sample=0, keep_sample=0, seen_sample=0)
        time.sleep(LEASE_MS / 1000)
        assert rig.mailbox.status(track_id).lease_ms is None
