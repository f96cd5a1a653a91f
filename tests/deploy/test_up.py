"""`python -m deploy.up` as a person meets it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from deploy.addresses import ROOT
from tests.deploy.sleepers import all_gone, eventually

NODES = {f"{node}@{socket.gethostname()}" for node in ("transcribe", "summarize", "ingest")}


@contextmanager
def _up(data_dir: Path, *processes: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "MINUTEBOOK_DATA_DIR": str(data_dir), **variables}
    command = [sys.executable, "-m", "deploy.up", *processes]
    with subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as up:
        try:
            yield up
        finally:
            up.terminate()


def _until(up: subprocess.Popen[str], text: str) -> None:
    assert up.stdout is not None
    for line in up.stdout:
        if text in line:
            return
    pytest.fail(f"it ended without saying {text!r}: {up.stderr.read() if up.stderr else ''}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_says_when_it_is_ready_and_a_signal_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    with _up(tmp_path, "redis", "migrate") as up:
        _until(up, "stack | ready: redis")
        started = psutil.Process(up.pid).children(recursive=True)
        assert len(started) == 2
        up.send_signal(number)
        out, err = up.communicate()
    assert out.endswith("everything has stopped\n")
    assert (up.returncode, err) == (0, "")
    assert all_gone([process.pid for process in started])


def test_a_second_one_on_the_same_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    with _up(tmp_path, "redis") as first:
        _until(first, "stack | ready: redis")
        with _up(tmp_path, "redis") as second:
            _, err = second.communicate()
        assert second.returncode == 1
        assert err.startswith(f"minutebook up: a Minutebook (pid {first.pid}")
        assert err.count("\n") == 1


def test_a_taken_port_is_refused_in_one_line(tmp_path: Path, taken_port: int) -> None:
    with _up(tmp_path, "redis", MINUTEBOOK_API_PORT=str(taken_port)) as up:
        _, err = up.communicate()
    assert up.returncode == 1
    assert err.startswith(f"minutebook up: port {taken_port} of 127.0.0.1 is taken")
    assert err.count("\n") == 1


def test_an_unknown_process_is_refused_in_one_line(tmp_path: Path) -> None:
    with _up(tmp_path, "transcibe") as up:
        _, err = up.communicate()
    assert up.returncode == 1
    assert err.startswith("minutebook up: no process transcibe in the Procfile; it has redis, migrate, api")


@pytest.mark.model
@pytest.mark.faults
def test_everything_comes_up_is_seen_in_flower_and_goes(tmp_path: Path) -> None:
    # The converted models are shared with `make up` and `make demo`: they take half a gigabyte and a minute.
    with _up(tmp_path, MINUTEBOOK_MODEL_DIR=str(ROOT / "var" / "models")) as up:
        _until(up, "stack | ready: redis, api, transcribe, summarize, ingest, beat, flower")
        started = psutil.Process(up.pid).children(recursive=True)
        facts = json.loads((tmp_path / "run" / "stack.json").read_text())
        assert httpx.get(f"{facts['api_url']}/healthz").is_success
        eventually("every worker is online in Flower", lambda: _online(facts["flower_url"]) == NODES)
        up.send_signal(signal.SIGINT)
        out, err = up.communicate()
    assert out.endswith("everything has stopped\n")
    assert (up.returncode, err) == (0, "")
    assert all_gone([process.pid for process in started])


def _online(flower_url: str) -> set[str]:
    workers = httpx.get(f"{flower_url}/workers", params={"json": 1}).json()["data"]
    return {worker["hostname"] for worker in workers if worker["status"]}
