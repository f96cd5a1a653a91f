"""No audio is lost while the database cannot be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import event

from schema.core.database import Database
from schema.core.errors import Unavailable
from tests.workers.sample_transcript import assert_all_transcribed
from tests.workers.worker_rig import PACE, WorkerRig
from training.data.audio import Samples


@pytest.fixture
def impatient(database: Database) -> Iterator[Database]:
    """The same database with a short wait for locks."""
    impatient = Database(str(database.url))
    event.listen(impatient.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    yield impatient
    impatient.close()


def test_no_audio_is_lost_while_the_database_is_locked(rig: WorkerRig, speech: Samples, impatient: Database) -> None:
    rig.append(rig.open_meeting(), speech)
    rig.finish()
    worker = rig.worker(database=impatient)
    with closing(sqlite3.connect(str(rig.database.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(PACE.attempts_limit + 2):
            with pytest.raises(Unavailable, match="locked"):
                worker.step(0)
            assert rig.mailbox.status("m-main").due_in_ms is not None
            rig.pass_time(2000)
    rig.run_until_idle(worker)
    assert_all_transcribed(rig)
    assert rig.failures() == []


def test_no_audio_is_lost_while_the_database_is_read_only(rig: WorkerRig, speech: Samples, database: Database) -> None:
    rig.append(rig.open_meeting(), speech)
    rig.finish()
    read_only = Database(str(database.url))
    event.listen(read_only.engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
    for _ in range(PACE.attempts_limit + 2):
        with pytest.raises(Unavailable, match="read-only"):
            rig.worker(database=read_only).step(0)
        rig.pass_time(2000)
    read_only.close()
    rig.run_until_idle()
    assert_all_transcribed(rig)
    assert rig.failures() == []
