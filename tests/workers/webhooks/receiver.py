"""A receiver of webhooks: a real HTTP server that answers as a test says and remembers what it got."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook as Verifier


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: str

    def verified(self, secret: str) -> dict[str, Any]:
        """The message, if its signature and time are right."""
        message: dict[str, Any] = Verifier(secret).verify(self.body, self.headers)
        return message


class Receiver:
    """`answers` are given one after the other, the last one for ever. None is none: the connection stays open."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self.port = int(server.server_address[1])
        self.scheme = scheme
        self.answers: list[int | None] = [204]
        self.headers: dict[str, str] = {}
        self.requests: list[Request] = []
        self.closing = threading.Event()

    def url(self, host: str = "127.0.0.1", path: str = "/hook") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def answer(self) -> int | None:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving(trust: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on loopback, with TLS where a certificate is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            receiver.requests.append(Request(self.path, dict(self.headers.items()), body))
            status = receiver.answer()
            if status is None:
                receiver.closing.wait()
                return
            self.send_response(status)
            for name, value in {"Content-Length": "0", **receiver.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if trust is not None:
        server.socket = trust.wrap_socket(server.socket, server_side=True)
    receiver = Receiver(server, "http" if trust is None else "https")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
