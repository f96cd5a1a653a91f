"""`minutebook workers`, and what the doctor says about paused queues and drained workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from api.cli.checks import workers
from api.cli.findings import Health
from schema.core.settings import Settings
from schema.fleet.orders import drain_worker, pause_queue
from schema.fleet.registry import publish_worker
from schema.fleet.wire import PoolProcess, WorkAverages
from tests.api.cli.conftest import RunMinutebook
from tests.api.cli.test_commands import url_of
from tests.api.fleet.records import worker_record
from tests.api.process import ApiProcess

BUSY = PoolProcess(place=0, pid=7, ready=True, task="minutebook.transcribe", meetings=["a", "b"], busy_s=1.0)


@pytest.fixture
def api(tmp_path: Path, redis_client: Redis, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Iterator[ApiProcess]:
    """An API with one worker, which does not follow its orders."""
    folder = tmp_path / "server"
    folder.mkdir()
    process = ApiProcess(folder, url_of(redis_client))
    process.start()
    monkeypatch.setenv("MINUTEBOOK_URL", process.url)
    averages = WorkAverages(steps=9, step_s=0.25, step_windows=2.5)
    publish_worker(redis_client, worker_record("transcribe@here", processes=[BUSY], averages=averages))
    yield process
    process.end()


def test_workers_are_listed_drained_restarted_and_resumed(api: ApiProcess, minutebook: RunMinutebook) -> None:
    listed = minutebook("workers", "list").out
    assert "transcribe@here" in listed
    assert "transcribe (2)" in listed
    assert "0.25 s" in listed
    assert json.loads(minutebook("workers", "list", "--json").out)["workers"][0]["state"] == "running"
    assert minutebook("workers", "drain", "transcribe@here").out == "transcribe@here is draining\n"
    assert minutebook("workers", "resume", "transcribe@here").out == "transcribe@here is running\n"
    assert minutebook("workers", "restart", "transcribe@here").out == "transcribe@here is restarting\n"
    refused = minutebook("workers", "drain", "nobody@here")
    assert refused.status == 1
    assert "the workers are: transcribe@here" in refused.err


def test_a_queue_is_paused_and_resumed(api: ApiProcess, minutebook: RunMinutebook) -> None:
    assert minutebook("workers", "pause", "ingest").out == "ingest is paused, 0 waiting\n"
    assert "paused" in minutebook("workers", "list").out
    assert minutebook("workers", "resume", "ingest").out == "ingest is open, 0 waiting\n"
    assert "the queues are: transcribe, summarize" in minutebook("workers", "pause", "mail").err


def test_the_doctor_names_paused_queues_and_drained_workers_with_the_remedy(redis_client: Redis) -> None:
    publish_worker(redis_client, worker_record("ingest@here"))
    drain_worker(redis_client, "ingest@here")
    pause_queue(redis_client, "summarize")
    _, summarize, ingest = workers(Settings(redis_url=url_of(redis_client)))
    assert (summarize.health, summarize.text) == (Health.WARN, "queue summarize: paused by somebody; 0 waiting")
    assert summarize.remedy == "resume it: 'minutebook workers resume summarize'"
    assert (ingest.health, ingest.text) == (
        Health.WARN,
        "queue ingest: its workers are drained: ingest@here; 0 waiting",
    )
    assert ingest.remedy == "resume one: 'minutebook workers resume ingest@here'"
