"""Runs another project's server from its own virtual environment, locally and without network access."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

import httpx
import psutil

from deploy.addresses import choose_port
from deploy.fresh import ROOT
from deploy.output import Output
from deploy.service import ProcfileEntry, Service
from schema.core.errors import Unavailable

FOLDER = ROOT / "var" / "bench" / "peers"
VENV = FOLDER / "venv"
PYTHON = VENV / "bin" / "python"
HOST = "127.0.0.1"
READY_WITHIN_S = 120.0
POLL_S = 0.2


def version(distribution: str) -> str:
    """The installed version of *distribution*. Raises Unavailable if it is not installed."""
    for site in VENV.glob("lib/python*/site-packages"):
        for found in distributions(name=distribution, path=[str(site)]):
            return found.version
    raise Unavailable(f"{VENV} has no {distribution}; `make bench-peers` installs it")


def free_port() -> int:
    return choose_port(HOST, 0, variable="", asked_for=False)


@contextmanager
def serve(name: str, command: Sequence[str | Path], url: str) -> Iterator[Service]:
    """Run *command* during the block, which starts once *url* answers any HTTP request. Raises Unavailable if it does
    not.
    """
    folder = FOLDER / "log"
    folder.mkdir(parents=True, exist_ok=True)
    output = Output(name, folder, None)
    service = Service(ProcfileEntry(name, shlex.join(map(str, command))), _environment(), output)
    try:
        service.start()
        _wait_ready(service, url)
        yield service
    finally:
        service.ask_to_end()
        service.wait()
        output.close()


def processes(service: Service) -> list[psutil.Process]:
    """The server and its children. Raises Unavailable if it has ended, because figures without it would be wrong."""
    if not service.running or service.pid is None:
        raise Unavailable(f"{service.name} ended while it was measured; {service.explain()}")
    main = psutil.Process(service.pid)
    return [main, *main.children(recursive=True)]


def _environment() -> dict[str, str]:
    """All cores for arithmetic, a separate home for caches, and no attempt to download a model."""
    cores = str(psutil.cpu_count(logical=True))
    ours = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "TMPDIR"}}
    return {**ours, "HOME": str(FOLDER), "OMP_NUM_THREADS": cores, "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}


def _wait_ready(service: Service, url: str) -> None:
    give_up_s = time.monotonic() + READY_WITHIN_S
    while not _answers(url):
        if not service.running:
            raise Unavailable(f"{service.name} ended while starting; {service.explain()}")
        if time.monotonic() > give_up_s:
            raise Unavailable(f"{service.name} is not ready after {READY_WITHIN_S:g} s; {service.explain()}")
        time.sleep(POLL_S)


def _answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=1)
    except httpx.TransportError:
        return False
    return True
