"""Serves `/metrics` of a worker, from a thread of its main process."""

from __future__ import annotations

import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from schema.core.api_keys import find_key
from schema.core.database import Database
from schema.core.errors import DecodeError, MinutebookError
from schema.core.hosts import host_of, is_loopback
from schema.core.states import Scope
from workers.metrics.files import shared_registry
from workers.metrics.machine import MachineCollector

log = logging.getLogger(__name__)

READ_LIMIT_S = 2.0
PATH = "/metrics"


class MetricsServer(HTTPServer):
    """Answers one request after the other. With *database*, a request needs a key; without, it has to name this
    machine, so that no page can read it under a name of its own.
    """

    def __init__(self, host: str, port: int, database: Database | None) -> None:
        super().__init__((host, port), MetricsHandler)
        self.database = database

    def handle_error(self, _request: Any, client: Any) -> None:
        log.warning("metrics were not sent to %s", client[0], exc_info=True)


class MetricsHandler(BaseHTTPRequestHandler):
    timeout = READ_LIMIT_S
    server: MetricsServer
    server_version, sys_version = "Minutebook", ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            return self._answer(HTTPStatus.NOT_FOUND, f"there is only {PATH}\n")
        try:
            refusal = self._refusal()
        except MinutebookError as error:
            log.warning("an API key cannot be checked: %s", error.detail)
            return self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "the key cannot be checked; try again later\n")
        if refusal is not None:
            return self._answer(*refusal)
        return self._answer(HTTPStatus.OK, _text(), CONTENT_TYPE_LATEST)

    def _refusal(self) -> tuple[HTTPStatus, str] | None:
        if self.server.database is None:
            here = _names_here(self.headers.get("Host", ""))
            return None if here else (HTTPStatus.FORBIDDEN, "this address serves this machine only\n")
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        row = find_key(self.server.database, key.strip()) if scheme.lower() == "bearer" else None
        if row is None:
            return HTTPStatus.UNAUTHORIZED, "send 'Authorization: Bearer mb_...' with a valid key\n"
        if not {Scope.METRICS, Scope.ADMIN} & set(row.scopes):
            return HTTPStatus.FORBIDDEN, "this needs a key with the scope 'metrics'\n"
        return None

    def _answer(self, status: HTTPStatus, body: str | bytes, kind: str = "text/plain; charset=utf-8") -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Scrapes come every few seconds, and are not logged."""


def _names_here(host: str) -> bool:
    try:
        return is_loopback(host_of(host))
    except DecodeError:
        return False


def _text() -> bytes:
    registry = shared_registry()
    assert registry is not None
    registry.register(MachineCollector())
    return generate_latest(registry)


def serve_metrics(host: str, port: int, sql_url: str) -> HTTPServer | None:
    """Serve in a thread until the process ends. None if the port is taken: the worker works without metrics."""
    try:
        server = MetricsServer(host, port, None if is_loopback(host) else Database(sql_url))
    except OSError as error:
        log.warning(
            "no metrics: %s, port %d: %s; set MINUTEBOOK_METRICS_PORT to the first of four free ports",
            host,
            port,
            error.strerror,
        )
        return None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
