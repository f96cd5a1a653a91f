"""Random meetings, crashes and slow workers against a real server, beside a model in plain Python.

Whatever happens: coverage tiles [0, committed) with the producer's own bytes, no sample is committed twice, nothing
that was accepted is lost, no epoch is given out twice, and a track with audio that no worker has seen is due or leased.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from schema.core.errors import MailboxMissing
from schema.mailbox import Keys
from tests import servers
from tests.schema.mailbox.conftest import shift_clock
from tests.schema.mailbox.machine import Meetings
from tests.schema.mailbox.meeting import Meeting


class MeetingsOverRestarts(Meetings):
    """The server is killed too: with its log it has everything again, without it SQL has what was committed."""

    server: servers.Valkey

    @rule()
    def kill_the_server(self) -> None:
        self.server.kill()
        self.server.start()

    @rule()
    def lose_the_server_with_its_data(self) -> None:
        offset_ms = [int(self.client.hget(Keys(shard).of_shard[0], "offset") or 0) for shard in range(self.shards)]
        self.client.flushdb()
        for shard, ms in enumerate(offset_ms):
            shift_clock(self.client, ms, shard)
        for meeting in self.meetings:
            self._rebuild(meeting)

    def _rebuild(self, meeting: Meeting) -> None:
        """What SQL has not committed must be sent again; for a closed track it is booked as missing."""
        with pytest.raises(MailboxMissing):
            self.mailbox.append(meeting.track_id, 0, b"ab")
        self.open(meeting)
        done = meeting.sql.committed_sample
        meeting.received = meeting.committed = done
        meeting.missing = {sample for sample in meeting.missing if sample < done}
        meeting.holder = meeting.due_ms = None
        meeting.not_before_ms = meeting.attempts = 0
        meeting.last_epoch = meeting.sql.epoch
        if meeting.sql.closed_sample is not None:
            final = meeting.sql.closed_sample
            self.mailbox.close(meeting.track_id, final)
            meeting.take(final, self.now_ms, lost=True)


def run(machine: type[Meetings], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


@pytest.mark.parametrize("shards", [1, 3])
def test_meetings_survive_producers_and_workers(redis_client: Redis, shards: int) -> None:
    machine = type("Machine", (Meetings,), {"client": redis_client, "shards": shards})
    run(machine, examples=60, steps=50)


def test_meetings_survive_the_server(tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="minutebook-aof-") as folder,
        servers.valkey(Path(folder), aof=True) as server,
        server.client() as client,
    ):
        machine = type("Machine", (MeetingsOverRestarts,), {"client": client, "server": server, "shards": 2})
        run(machine, examples=12, steps=40)
