"""Beat without Redis."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schema.core import queues
from tests.models import ROOT
from tests.servers import Valkey, valkey
from tests.waiting import wait_until


def waiting(server: Valkey) -> object:
    """How many wake-ups nobody has taken."""
    with server.client() as client:
        return client.llen(queues.INGEST_QUEUE)


@pytest.mark.faults
def test_beat_says_in_a_line_that_redis_is_away_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    (tmp_path / "valkey").mkdir()
    (tmp_path / "data").mkdir()
    written = tmp_path / "beat.log"
    with valkey(tmp_path / "valkey", aof=True) as server, written.open("w") as log:
        addresses = {"MINUTEBOOK_DATA_DIR": str(tmp_path / "data"), "MINUTEBOOK_REDIS_URL": server.url}
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "workers.app", "beat", "--loglevel", "WARNING"]
        beat = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **addresses}, stdout=log, stderr=log)
        try:
            wait_until("beat wakes the workers", lambda: waiting(server))
            server.kill()
            wait_until("beat says what is wrong", written.read_text)
            server.start()
            with server.client() as client:
                client.flushall()
            wait_until("beat wakes the workers again", lambda: waiting(server))
        finally:
            beat.terminate()
            assert beat.wait(20) == 0
    lines = written.read_text().splitlines()
    assert all("tasks cannot be sent (" in line and "check that Redis runs" in line for line in lines), lines
    assert len(lines) <= 2  # once when the connection ends, and once when a new one is refused
