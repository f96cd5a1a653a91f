"""`python -m api`: serves the API on MINUTEBOOK_API_HOST and MINUTEBOOK_API_PORT until a signal arrives."""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
from functools import partial
from typing import Any, cast

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

from api.app import create_app
from api.http.connection import REFUSED_LIMIT, BoundedHttp, ConnectionLimits
from schema.core.errors import MinutebookError
from schema.core.json_logs import write_json
from schema.core.repeats import leave_out_repeats
from schema.core.settings import Settings, settings

log = logging.getLogger(__name__)

OWN_FILES = 256
"""Connections to Redis and the database, files of uploads, libraries."""
SOCKET_MESSAGE_LIMIT_BYTES = 16 << 20
"""A larger message ends the connection. A smaller one that exceeds the frame limit is refused with an error."""
SHUTDOWN_S = 3
PING_S = 20.0


class Socket(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, with a remedy in the reason for closing a connection whose message is too big."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fail = self.conn.fail

        def explained(code: CloseCode | int, reason: str = "") -> None:
            fail(code, f"{reason}; send pieces of 1 MiB or less" if code == CloseCode.MESSAGE_TOO_BIG else reason)

        self.conn.fail = explained  # type: ignore[method-assign]


def server(config: Settings, log_level: str = "warning") -> uvicorn.Server:
    """Create a server; its `run` serves. Raises InvalidInput if it cannot serve with these settings."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            host=config.api_host,
            port=config.api_port,
            log_level=log_level,
            http=cast("type[asyncio.Protocol]", partial(BoundedHttp, limits=_limits(config))),
            timeout_keep_alive=config.keep_alive_s,
            ws=Socket,
            ws_max_size=SOCKET_MESSAGE_LIMIT_BYTES,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=SHUTDOWN_S,
            server_header=False,
        )
    )


def _limits(config: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        total=config.connections_limit, per_address=config.connections_per_address, head_s=config.head_limit_s
    )


def raise_file_limit(connections: int) -> None:
    """Let this process open as many files as *connections* and its own work need, if the system allows it."""
    wanted = connections + REFUSED_LIMIT + OWN_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning(
            "this process may open %d files, but MINUTEBOOK_CONNECTIONS_LIMIT=%d needs %d; lower the setting, or raise "
            "'ulimit -n'",
            allowed,
            connections,
            wanted,
        )


def main() -> int:
    try:
        config = settings()
        raise_file_limit(config.connections_limit)
        serving = server(config, log_level="info")
    except MinutebookError as error:
        print(f"the API cannot start: {error.detail}", file=sys.stderr)
        return 2
    leave_out_repeats(logging.getLogger("uvicorn"))
    if config.log_format == "json":
        write_json(logging.getLogger("uvicorn"), logging.getLogger("uvicorn.access"))
    serving.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
