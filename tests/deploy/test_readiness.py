"""A process is ready when it does its work, not when it merely runs."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from celery import Celery

from deploy import readiness
from deploy.supervisor import Stack
from schema.core.settings import settings
from tests.deploy.small_processes import procfile
from tests.servers import free_port
from tests.waiting import wait_until

SLOW_APP = """
import os, pathlib, time
from celery import Celery
from celery.signals import worker_process_init

app = Celery(broker=os.environ["MINUTEBOOK_REDIS_URL"])
app.conf.update(worker_proc_alive_timeout=300.0, broker_connection_retry_on_startup=True)

@worker_process_init.connect
def load(**_):
    while not pathlib.Path(os.environ["LOADED"]).exists():
        time.sleep(0.05)
"""


def test_a_worker_is_ready_only_once_its_model_is_loaded(tmp_path: Path, valkey_url: str) -> None:
    (tmp_path / "slow_app.py").write_text(SLOW_APP)
    loaded = tmp_path / "loaded"
    worker = f"{sys.executable} -m celery -A slow_app worker -n transcribe@%h -c 1 --without-mingle"
    environment = {"MINUTEBOOK_REDIS_URL": valkey_url, "PYTHONPATH": str(tmp_path), "LOADED": str(loaded)}
    stack = Stack(tmp_path, procfile=procfile(tmp_path, transcribe=worker), environment=environment)
    ready = readiness.worker_answers(valkey_url, "transcribe")
    try:
        stack.start()
        wait_until("the worker answers a ping", lambda: _pings(valkey_url))
        assert not ready()
        loaded.touch()
        stack.wait_ready("transcribe")
        assert ready()
        stack.stop_process("transcribe")
        assert not ready()
    finally:
        stack.stop()


def test_a_process_that_cannot_be_reached_is_not_ready() -> None:
    port = free_port()
    assert not readiness.redis_answers(f"redis://127.0.0.1:{port}/0")()
    assert not readiness.http_answers(f"http://127.0.0.1:{port}/healthz")()
    assert not readiness.worker_answers(f"redis://127.0.0.1:{port}/0", "transcribe")()


def _pings(url: str) -> bool:
    with Celery(broker=url, set_as_current=False) as app:
        return bool(app.control.ping([f"transcribe@{socket.gethostname()}"], timeout=1.0, limit=1))


def test_a_container_checks_its_own_process(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINUTEBOOK_REDIS_URL", valkey_url)
    monkeypatch.setenv("MINUTEBOOK_API_PORT", str(free_port()))
    settings.cache_clear()
    try:
        assert readiness.main(["transcribe"]) == 1
        assert readiness.main(["api"]) == 1
        assert readiness.main(["beat"]) == 2
    finally:
        settings.cache_clear()
    names = "api,flower,transcribe,summarize,ingest,speakers"
    assert capsys.readouterr().err == f"usage: python -m deploy.readiness {{{names}}}\n"
