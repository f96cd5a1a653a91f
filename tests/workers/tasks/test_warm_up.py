"""A worker that cannot load its model ends with an error that says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models import ROOT


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
