"""`python -m deploy.flower --address HOST --port PORT`: Celery's dashboard Flower, behind a login.

The user is `minutebook`. The password is MINUTEBOOK_FLOWER_PASSWORD, or else the one in `DATA_DIR/passwords/flower`.
"""

from __future__ import annotations

import argparse
import hmac
import logging
import signal
import sys
from base64 import b64encode
from http import HTTPStatus
from typing import Any

from flower.app import Flower
from flower.command import apply_env_options, extract_settings, setup_logging
from flower.urls import settings as flower_settings
from flower.views import BaseHandler
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.log import enable_pretty_logging
from tornado.options import options
from tornado.web import RequestHandler

from deploy.datadir import FLOWER_USER, flower_password_file
from schema.core.disk import fault_of, kept_password
from schema.core.errors import DecodeError, MinutebookError, Unavailable
from schema.core.hosts import host_of, is_loopback
from schema.core.json_logs import write_json
from schema.core.queues import served_queues
from schema.core.repeats import leave_out_repeats
from schema.core.settings import Settings, settings

INSPECT_LIMIT_MS = 5000.0
"""A worker that is transcribing answers later than Flower's own limit of a second."""
HEALTH = "/healthcheck"
"""The only path that needs no login: the supervisor asks there whether Flower is ready."""


class PrivateFlower(Flower):  # type: ignore[misc]
    """Flower, which answers requests to a loopback host only, and only with the login.

    Flower's own login leaves out `/metrics`. Any page could reach a dashboard under a host name that the page's owner
    lets resolve to 127.0.0.1.
    """

    def __init__(self, password: str, **facts: Any) -> None:
        super().__init__(**facts)
        self._login = b"Basic " + b64encode(f"{FLOWER_USER}:{password}".encode())

    def find_handler(self, request: HTTPServerRequest, **facts: Any) -> Any:
        refusal = self._refusal(request)
        if refusal is not None:
            return self.get_handler_delegate(request, Refusal, dict(zip(("status", "text"), refusal, strict=True)))
        return super().find_handler(request, **facts)

    def _refusal(self, request: HTTPServerRequest) -> tuple[int, str] | None:
        hosts = request.headers.get_list("Host")
        try:
            here = [is_loopback(host_of(host)) for host in hosts]
        except DecodeError as error:
            return HTTPStatus.BAD_REQUEST, error.detail
        if here != [True]:
            return HTTPStatus.FORBIDDEN, "Flower serves this machine only; open it under 127.0.0.1 or localhost"
        if _is_foreign(request.headers):
            return HTTPStatus.FORBIDDEN, "a page of another site caused this request; open Flower by itself"
        given = request.headers.get("Authorization", "").encode()
        if request.path != HEALTH and not hmac.compare_digest(given, self._login):
            return HTTPStatus.UNAUTHORIZED, f"log in as {FLOWER_USER}"
        return None


def _is_foreign(headers: HTTPHeaders) -> bool:
    """Whether a page of another site caused a request that does not open Flower's page by itself.

    Browsers remember the login. In a frame, such a page could lead the user's clicks to the buttons.
    """
    opens_page = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")) == ("navigate", "document")
    return headers.get("Sec-Fetch-Site") == "cross-site" and not opens_page


class Refusal(RequestHandler):
    """Answers every request with a status and the reason."""

    def initialize(self, status: int, text: str) -> None:
        self._text = text
        self.set_status(status)

    def prepare(self) -> None:
        if self.get_status() == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", 'Basic realm="Minutebook", charset="UTF-8"')
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{self._text}\n")

    def check_xsrf_cookie(self) -> None:
        """Nothing is written, so nothing is checked."""


def password_of(config: Settings) -> str:
    """The password for Flower. Raises Unavailable if it can neither be read nor created."""
    if config.flower_password:
        return config.flower_password
    path = flower_password_file(config.data_dir)
    try:
        return kept_password(path)
    except OSError as error:
        raise Unavailable(f"{fault_of(path, error)}, or set MINUTEBOOK_FLOWER_PASSWORD") from error


def write_log() -> None:
    """Write warnings and errors as the other processes do: each kind once, and a full disk without a traceback."""
    enable_pretty_logging()
    leave_out_repeats(logging.getLogger())
    if settings().log_format == "json":
        write_json(logging.getLogger())


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.flower")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5555)
    place = parser.parse_args(argv)
    try:
        password = password_of(settings())
    except MinutebookError as error:
        print(f"Flower cannot start: {error.detail}", file=sys.stderr)
        return 2
    _serve(place.address, place.port, password)
    return 0


def show_all_queues(speakers: str) -> None:
    """Let Flower show every queue. By itself it shows those of the workers that were online when it started."""
    names = sorted(served_queues(speakers))
    BaseHandler.get_active_queue_names = lambda _handler: names


def _serve(address: str, port: int, password: str) -> None:
    from workers.app import app  # reads the settings

    apply_env_options()
    # With a login of its own, Flower opens its API and refuses what pages of other sites send.
    options.basic_auth = [f"{FLOWER_USER}:{password}"]
    options.address, options.port, options.logging = address, port, "warning"
    options.inspect_timeout = INSPECT_LIMIT_MS
    write_log()
    extract_settings()
    setup_logging()
    show_all_queues(settings().voices)
    flower = PrivateFlower(password, capp=app, options=options, **flower_settings)
    signal.signal(signal.SIGTERM, lambda *_: flower.io_loop.add_callback_from_signal(flower.stop))
    flower.start_http_server()
    try:
        flower.start()
    except KeyboardInterrupt:
        flower.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
