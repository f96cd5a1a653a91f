"""`python -m deploy.up` as a user runs it."""

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
from deploy.datadir import FLOWER_USER
from deploy.flower import password_of
from schema.core.queues import served_queues
from schema.core.settings import Settings
from tests.deploy.small_processes import alive
from tests.waiting import wait_until

VOICES = Settings(speakers="auto").voices
NODES = {f"{queue}@{socket.gethostname()}" for queue in served_queues(VOICES)}


@contextmanager
def _up(data_dir: Path, *processes: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "MINUTEBOOK_DATA_DIR": str(data_dir), **variables}
    command = [sys.executable, "-m", "deploy.up", *processes]
    with subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as up:
        try:
            yield up
        finally:
            up.terminate()


def _wait_for_line(up: subprocess.Popen[str], text: str) -> list[str]:
    """Wait for a line with *text*. Returns the lines up to it."""
    stdout, stderr = up.stdout, up.stderr
    assert stdout is not None
    assert stderr is not None

    lines: list[str] = []

    def next_line() -> str:
        lines.append(stdout.readline())
        assert lines[-1], f"it ended: {stderr.read()}"
        return lines[-1]

    wait_until(f"it prints {text!r}", next_line, lambda line: text in line, patience_s=900, poll_s=0)
    return lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_prints_when_it_is_ready_and_a_signal_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    with _up(tmp_path, "redis", "migrate") as up:
        said = _wait_for_line(up, "stack | ready: redis")
        assert sum("it runs as root" in line for line in said) == (os.geteuid() == 0)
        started = psutil.Process(up.pid).children(recursive=True)
        assert len(started) == 2
        up.send_signal(number)
        out, err = up.communicate()
    assert out.endswith("everything has stopped\n")
    assert (up.returncode, err) == (0, "")
    assert alive([process.pid for process in started]) == []


def test_a_second_stack_on_the_same_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    with _up(tmp_path, "redis") as first:
        _wait_for_line(first, "stack | ready: redis")
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
def test_all_processes_start_all_workers_show_in_flower_and_everything_stops(tmp_path: Path) -> None:
    # The converted models are shared with `make up` and `make demo`, since they take half a gigabyte and a minute.
    with _up(tmp_path, MINUTEBOOK_MODEL_DIR=str(ROOT / "var" / "models"), MINUTEBOOK_SPEAKERS="auto") as up:
        listener = "" if VOICES == "off" else "speakers, "
        _wait_for_line(up, f"stack | ready: redis, api, transcribe, summarize, ingest, {listener}beat, flower")
        started = psutil.Process(up.pid).children(recursive=True)
        facts = json.loads((tmp_path / "run" / "stack.json").read_text())
        assert httpx.get(f"{facts['api_url']}/healthz").is_success
        flower_url = facts["flower_url"]
        wait_until(
            "Flower shows every worker online", lambda: _online(flower_url, tmp_path), lambda seen: seen == NODES
        )
        up.send_signal(signal.SIGINT)
        out, err = up.communicate()
    assert out.endswith("everything has stopped\n")
    assert (up.returncode, err) == (0, "")
    assert alive([process.pid for process in started]) == []


def _online(flower_url: str, data_dir: Path) -> set[str]:
    login = FLOWER_USER, password_of(Settings(data_dir=data_dir))
    workers = httpx.get(f"{flower_url}/workers", params={"json": 1}, auth=login).json()["data"]
    return {worker["hostname"] for worker in workers if worker["status"]}
