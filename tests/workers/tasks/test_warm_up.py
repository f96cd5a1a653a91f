"""A worker that cannot load its model ends with an error that says why."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from billiard.exceptions import WorkerLostError

from tests.models import ROOT
from workers.tasks.warm_up import WithoutPoolTraceback


@pytest.mark.faults
@pytest.mark.parametrize(
    ("queue", "setting", "pool"),
    [("transcribe", "ASR", "prefork"), ("transcribe", "ASR", "solo"), ("summarize", "SUMMARY", "prefork")],
)
def test_a_worker_without_its_model_exits_with_the_reason(
    tmp_path: Path, valkey_url: str, queue: str, setting: str, pool: str
) -> None:
    environment = {
        **os.environ,
        "MINUTEBOOK_DATA_DIR": str(tmp_path),
        "MINUTEBOOK_REDIS_URL": valkey_url,
        f"MINUTEBOOK_{setting}_MODEL": "/nowhere",
    }
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "workers.app", "worker", "-Q", queue]
    ended = subprocess.run(
        [*command, "-c", "2", "--pool", pool], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 1
    assert "its model cannot be loaded: '/nowhere' is no" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "superuser" not in ended.stderr  # which Celery writes in eight lines if root runs it


@pytest.mark.parametrize(("error", "kept"), [(WorkerLostError("no processes"), False), (ValueError("a fault"), True)])
def test_a_worker_whose_pool_ended_writes_no_traceback(error: Exception, kept: bool) -> None:
    told = (type(error), error, None)
    record = logging.LogRecord("celery.worker", logging.CRITICAL, "", 1, "Unrecoverable error", None, told)
    assert WithoutPoolTraceback().filter(record)
    assert (record.exc_info is not None) is kept
