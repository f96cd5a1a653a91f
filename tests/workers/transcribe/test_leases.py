"""A lease that is extended outlasts a long step, and no longer."""

from __future__ import annotations

import time

from tests.workers.studio import Audio, Studio
from workers.transcribe.leases import extended

LEASE_MS = 500


def test_nobody_else_gets_a_track_while_its_worker_works(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    claimed = studio.mailbox.claim("first", 1, LEASE_MS)
    with extended(studio.mailbox, claimed.tracks, LEASE_MS):
        time.sleep(3 * LEASE_MS / 1000)
        assert studio.mailbox.claim("second", 1, LEASE_MS).tracks == []
    studio.pass_time(LEASE_MS)
    (taken,) = studio.mailbox.claim("second", 1, LEASE_MS).tracks
    assert taken.attempts == 2


def test_a_track_that_was_given_back_is_not_kept(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech)
    (claim,) = studio.mailbox.claim("first", 1, LEASE_MS).tracks
    with extended(studio.mailbox, [claim], LEASE_MS):
        studio.mailbox.release(track_id, claim.epoch, committed_sample=0, keep_sample=0, seen_sample=0)
        time.sleep(LEASE_MS / 1000)
        assert studio.mailbox.status(track_id).lease_ms is None
