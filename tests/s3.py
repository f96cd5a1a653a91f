"""A real HTTP server that speaks S3 and can be stopped and started again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import s3fs  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

from tests.servers import free_port

BUCKET = "recordings"


@dataclass
class S3:
    """An S3 server. Stored files are kept while it is stopped."""

    port: int
    url: str = f"s3://{BUCKET}/files"
    _server: ThreadedMotoServer | None = field(default=None)

    def start(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None


@contextmanager
def s3_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """Run a server with an empty bucket, and set the variables that point this process and its children to it."""
    server = S3(free_port())
    server.start()
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem()
    files.makedirs(BUCKET, exist_ok=True)
    for path in files.find(BUCKET):
        files.rm_file(path)
    try:
        yield server
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()
