"""A receiver of webhooks: a real HTTP server that answers as a test says and keeps the requests."""

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
class ReceivedRequest:
    path: str
    headers: dict[str, str]
    body: str

    def verified(self, secret: str) -> dict[str, Any]:
        """The message. Raises if its signature or time is wrong."""
        message: dict[str, Any] = Verifier(secret).verify(self.body, self.headers)
        return message


class WebhookReceiver:
    """Answers with the status codes in `answers` in turn and repeats the last. None leaves a request unanswered."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self.port = int(server.server_address[1])
        self.scheme = scheme
        self.answers: list[int | None] = [204]
        self.headers: dict[str, str] = {}
        self.requests: list[ReceivedRequest] = []
        self.closing = threading.Event()

    def url(self, host: str = "127.0.0.1", path: str = "/hook") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def answer(self) -> int | None:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving(trust: ssl.SSLContext | None = None) -> Iterator[WebhookReceiver]:
    """A receiver on loopback, with TLS if *trust* has a certificate."""

    class WebhookHandler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            receiver.requests.append(ReceivedRequest(self.path, dict(self.headers.items()), body))
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
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), WebhookHandler)
    if trust is not None:
        server.socket = trust.wrap_socket(server.socket, server_side=True)
    receiver = WebhookReceiver(server, "http" if trust is None else "https")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
