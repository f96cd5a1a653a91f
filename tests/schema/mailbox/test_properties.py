"""Random producers, workers and crashes on a real server, compared with a model in plain Python.

Always: coverage tiles [0, committed) with the producer's own bytes, no sample is committed twice, no accepted audio is
lost, no epoch is given out twice, and a track with audio that no worker has seen is due or leased.
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
from tests.schema.mailbox.mailbox_state_machine import MailboxStateMachine
from tests.schema.mailbox.track_model import TrackModel


class MailboxStateMachineWithRestarts(MailboxStateMachine):
    """Kills the server as well. It recovers everything from its log, or loses it, and SQL keeps what was committed."""

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
        for model in self.models:
            self._rebuild(model)

    def _rebuild(self, model: TrackModel) -> None:
        """Open the track again. Uncommitted audio must be resent, or is booked as missing if the track is closed."""
        with pytest.raises(MailboxMissing):
            self.mailbox.append(model.track_id, 0, b"ab")
        self.open(model)
        done = model.sql.committed_sample
        model.received = model.committed = done
        model.missing = {sample for sample in model.missing if sample < done}
        model.holder = model.due_ms = None
        model.not_before_ms = model.attempts = 0
        model.last_epoch = model.sql.epoch
        if model.sql.closed_sample is not None:
            final = model.sql.closed_sample
            self.mailbox.close(model.track_id, final)
            model.accept(final, self.now_ms, lost=True)


def run(machine: type[MailboxStateMachine], examples: int, steps: int) -> None:
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
def test_random_producers_and_workers_lose_and_double_nothing(redis_client: Redis, shards: int) -> None:
    machine = type("Machine", (MailboxStateMachine,), {"client": redis_client, "shards": shards})
    run(machine, examples=60, steps=50)


def test_nothing_is_lost_or_doubled_when_the_server_is_killed_or_loses_its_data(tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="minutebook-aof-") as folder,
        servers.valkey(Path(folder), aof=True) as server,
        server.client() as client,
    ):
        machine = type("Machine", (MailboxStateMachineWithRestarts,), {"client": client, "server": server, "shards": 2})
        run(machine, examples=12, steps=40)
