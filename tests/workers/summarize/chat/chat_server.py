"""An OpenAI-compatible endpoint that gives the answers of a test: real HTTP, for faults that no real server makes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODELS = ("llama", "qwen")
"""What the endpoint lists."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. `body` is sent as it is; None leaves the request unanswered."""

    body: str | None
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def said(content: str) -> Reply:
    """The answer of a chat model."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    return Reply(json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}))


def refused(status: int, message: str) -> Reply:
    return Reply(json.dumps({"error": {"message": message, "type": "error"}}), status)


class ChatServer:
    """Gives `replies` in turn and repeats the last. `requests` are the bodies that came, `keys` their keys."""

    def __init__(self, port: int, replies: tuple[Reply, ...]) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self.replies = list(replies)
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.closing = threading.Event()

    def take(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def chat_server(*replies: Reply) -> Iterator[ChatServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(Reply(json.dumps({"object": "list", "data": [{"id": name} for name in MODELS]})))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append(json.loads(body))
            server.keys.append(self.headers.get("Authorization"))
            reply = server.take()
            if reply.body is None:
                server.closing.wait()
            else:
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            sent = (reply.body or "").encode()
            self.send_response(reply.status)
            own = {"Content-Type": reply.content_type, "Content-Length": str(len(sent))}
            for name, value in {**own, **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = ChatServer(listener.server_address[1], replies)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        listener.shutdown()
        thread.join()
        listener.server_close()
