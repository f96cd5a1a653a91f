"""The addresses of a stack's parts, and the environment variables through which the processes learn them."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

from schema.core.errors import Conflict, InvalidInput
from schema.core.queues import ALL_QUEUES
from schema.core.settings import Settings, invalid_settings

PREFIX = "MINUTEBOOK_"
LOOPBACK = "127.0.0.1"
PORTS = 1 << 16
METRICS_PORTS = len(ALL_QUEUES)
"""Each worker serves Prometheus at a port of its own."""
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Addresses:
    data_dir: Path
    model_dir: Path
    database_url: str
    redis_url: str
    redis_port: int | None
    """None for an external Redis."""
    api_host: str
    api_port: int
    flower_port: int
    metrics_port: int
    """The first of METRICS_PORTS ports; 0 if workers serve no metrics."""
    speakers: str = "off"
    """The voice models by which speakers are told apart, or `off`."""
    logs_json: bool = False

    @property
    def api_url(self) -> str:
        """The API's URL as seen from this machine."""
        host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.api_host, self.api_host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.api_port}"

    @property
    def flower_url(self) -> str:
        return f"http://{LOOPBACK}:{self.flower_port}"

    def with_redis_password(self, password: str) -> Addresses:
        """These addresses, with a password for the stack's own Redis."""
        return replace(self, redis_url=f"redis://:{quote(password, safe='')}@{LOOPBACK}:{self.redis_port}/0")

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """*base* with every address added, for the processes."""
        search = [str(ROOT), *filter(None, [base.get("PYTHONPATH")])]
        return {
            **base,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), base.get("PATH", os.defpath)]),
            "PYTHONPATH": os.pathsep.join(search),
            "PYTHONUNBUFFERED": "1",
            f"{PREFIX}DATA_DIR": str(self.data_dir),
            f"{PREFIX}MODEL_DIR": str(self.model_dir),
            f"{PREFIX}DATABASE_URL": self.database_url,
            f"{PREFIX}REDIS_URL": self.redis_url,
            f"{PREFIX}REDIS_PORT": str(self.redis_port or ""),
            f"{PREFIX}API_HOST": self.api_host,
            f"{PREFIX}API_PORT": str(self.api_port),
            f"{PREFIX}FLOWER_PORT": str(self.flower_port),
            f"{PREFIX}METRICS_PORT": str(self.metrics_port),
        }


def resolve(overlay: Mapping[str, str]) -> Addresses:
    """Addresses from the environment with *overlay* on top. Ports that are not set are chosen freely.

    Raises Conflict if a requested port is taken, InvalidInput for a variable that cannot be parsed.
    """
    chosen = _settings(overlay)
    explicit = chosen.model_fields_set
    redis_port = None
    if "redis_url" not in explicit:
        default_port = urlsplit(chosen.redis_url).port or 6379
        redis_port = choose_port(LOOPBACK, default_port, variable=f"{PREFIX}REDIS_URL", asked_for=False)
    return Addresses(
        data_dir=chosen.data_dir,
        model_dir=chosen.models,
        database_url=chosen.sql_url,
        redis_url=chosen.redis_url if redis_port is None else f"redis://{LOOPBACK}:{redis_port}/0",
        redis_port=redis_port,
        api_host=chosen.api_host,
        api_port=choose_port(
            chosen.api_host, chosen.api_port, variable=f"{PREFIX}API_PORT", asked_for="api_port" in explicit
        ),
        flower_port=choose_port(
            LOOPBACK, chosen.flower_port, variable=f"{PREFIX}FLOWER_PORT", asked_for="flower_port" in explicit
        ),
        metrics_port=_choose_row(chosen.metrics_host, chosen.metrics_port, asked_for="metrics_port" in explicit),
        speakers=chosen.voices,
        logs_json=chosen.log_format == "json",
    )


def _settings(overlay: Mapping[str, str]) -> Settings:
    given: dict[str, Any] = {
        name.removeprefix(PREFIX).lower(): value for name, value in overlay.items() if name.startswith(PREFIX)
    }
    try:
        return Settings(**given)
    except ValidationError as error:
        raise invalid_settings(error) from error


def choose_port(host: str, port: int, *, variable: str, asked_for: bool) -> int:
    """A free port of *host*; port 0 means any.

    Raises Conflict if *port* was requested through *variable* and another program holds it. Raises InvalidInput for a
    host that is not this machine's, or a port that only root may use.
    """
    if port and _is_free(host, port):
        return port
    if port and asked_for:
        raise Conflict(f"port {port} of {host} is taken by another program; stop it, or set {variable} to a free port")
    return _any_free(host)


def _choose_row(host: str, first: int, *, asked_for: bool) -> int:
    """The first of METRICS_PORTS free ports in a row; 0 if *first* is 0. Raises Conflict if one of those is taken."""
    taken = [port for port in range(first, first + METRICS_PORTS) if first and not _is_free(host, port)]
    if not taken:
        return first
    if asked_for:
        raise Conflict(
            f"port {taken[0]} of {host} is taken by another program; stop it, or set {PREFIX}METRICS_PORT to the first "
            f"of {METRICS_PORTS} free ports"
        )
    while True:
        first = _any_free(host)
        if first + METRICS_PORTS <= PORTS and all(_is_free(host, first + place) for place in range(METRICS_PORTS)):
            return first


def _is_free(host: str, port: int) -> bool:
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        # Servers set this too. Without it, connections that are still closing would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise InvalidInput(f"cannot listen on {host}, port {port}: {error.strerror}; choose another") from error
    return True


def _any_free(host: str) -> int:
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _family(host: str) -> socket.AddressFamily:
    try:
        return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    except socket.gaierror as error:
        raise InvalidInput(f"{host!r} is not an address of this machine; set MINUTEBOOK_API_HOST to one") from error
