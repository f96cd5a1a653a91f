"""`python -m api`: serves the API on MINUTEBOOK_API_HOST and MINUTEBOOK_API_PORT until a signal arrives."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

from api.app import create_app
from schema.core.errors import MinutebookError
from schema.core.settings import Settings, settings

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
            ws=Socket,
            ws_max_size=SOCKET_MESSAGE_LIMIT_BYTES,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=SHUTDOWN_S,
            server_header=False,
        )
    )


def main() -> int:
    try:
        serving = server(settings(), log_level="info")
    except MinutebookError as error:
        print(f"the API cannot start: {error.detail}", file=sys.stderr)
        return 2
    serving.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
