"""The API application. `python -m api` serves it, with limits on connections that the application cannot set."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware

from api import adapters, health, off_record, templates, typed_notes, webhooks
from api.corrections import segments as corrections
from api.corrections import sentences
from api.export import routes as export
from api.fleet import failures
from api.fleet import routes as fleet
from api.http import problems, reference
from api.http.middleware.body_limit import BodyLimit, BodyLimits
from api.http.middleware.head_limit import HeadLimit
from api.http.middleware.host_header import HostHeader
from api.http.middleware.key_first import KeyFirst
from api.http.middleware.lingering_close import LingeringClose
from api.http.middleware.loopback import LoopbackOnly, check_auth
from api.http.middleware.no_sniff import NoSniff
from api.http.openapi import DocumentedApi
from api.kept_audio import routes as kept_audio
from api.live import http_audio as audio
from api.live import server_sent_events as events
from api.live import socket as live
from api.meetings import minutes, search, transcript, versions
from api.meetings import routes as meetings
from api.metrics import routes as metrics
from api.metrics.middleware import MeasuredRequests
from api.openai import models, realtime_socket, transcriptions
from api.openai.errors import OpenAiErrors
from api.services import opened
from api.shares import open_link
from api.shares import routes as shares
from api.speakers import routes as speakers
from api.uploads import routes as uploads
from api.uploads import tus
from api.uploads.tus_protocol import TusHeaders
from api.web import assets, sessions
from schema.core.database import Database
from schema.core.settings import Settings, settings
from schema.core.storage import open_files
from schema.templates.template import find_template

DESCRIPTION = """\
Live meetings in, minutes out.

**Live socket** `WS /v1/meetings/{meeting_id}/live?track=main&after=0&events=1`

The server first sends a `state` event. Its `resume_sample` is the position at which the audio continues. Send binary
frames: the position of the first sample as 8 bytes, little-endian, followed by PCM16 (16 kHz, mono, little-endian).
The server answers each frame with `ack {received_sample}` or with `error`, a problem document. After `audio-gap`,
continue at `expected_sample`; if you had sent `finish`, send it again at the end. After `backlogged`, wait
`retry_after_ms` and continue at `received_sample`. You may send any audio again at any time.

Text frames: `{"type": "finish"}` ends the meeting. `{"type": "skip", "to_sample": N}` reports that the audio before
sample N is lost for good.

All events of the meeting arrive as `{"type", "seq", "data"}`. `after` replays the events with a higher `seq`;
`events=0` sends `state` events only. The server closes the socket with 1000 after the state `finished`, with 4410
after the state `deleted`, and with 4000 + the HTTP status after an error that cannot be resolved on this socket: 4401
within seconds after the key was revoked. Programs send the key in the `Authorization` header. Browsers offer the
subprotocols `minutebook` and `minutebook.key.<key>`.

**OpenAI's clients** work unchanged with `POST /v1/audio/transcriptions`, `POST /v1/audio/translations`,
`GET /v1/models` and `WS /v1/realtime?intent=transcription`. Errors of these routes have OpenAI's shape.
"""
EXPOSED_HEADERS = (
    "Accept-Ranges", "Allow", "Content-Disposition", "Content-Range", "ETag", "Location", "Retry-After",
    "Tus-Checksum-Algorithm", "Tus-Extension", "Tus-Max-Size", "Tus-Resumable", "Tus-Version", "Upload-Expires",
    "Upload-Length", "Upload-Metadata", "Upload-Offset", "WWW-Authenticate", "X-Minutebook-Coverage", "X-Should-Retry",
)  # fmt: skip
"""The headers of answers that pages of other sites may read."""
UVICORN_LOGGERS = ("uvicorn.access", "uvicorn.error")
_QUERY = re.compile(r"\?[^\s\"']*")


def create_app(config: Settings | None = None) -> FastAPI:
    """Create the application. Raises InvalidInput or Unavailable if it cannot serve with these settings."""
    config = config or settings()
    check_auth(config)
    Database(config.sql_url).close()  # reports a wrong address before anything is served
    open_files(config.storage_url)
    find_template(config.minutes_template, config.template_dir)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(config) as services:
            app.state.services = services
            _hide_queries_in_logs()
            yield

    app = DocumentedApi(
        title="Minutebook",
        description=DESCRIPTION,
        version=version("minutebook"),
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load their scripts from the network; see `reference`
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    problems.install(app)
    # Each middleware runs before those above it.
    app.add_middleware(
        BodyLimit, limits=BodyLimits(config.frame_limit_bytes, config.upload_limit_bytes, config.body_stall_s)
    )
    app.add_middleware(KeyFirst)
    app.add_middleware(TusHeaders)
    app.add_middleware(HeadLimit)
    if not config.asks_for_keys:
        app.add_middleware(LoopbackOnly, origins=config.cors_origins)
    app.add_middleware(HostHeader)
    app.add_middleware(OpenAiErrors)  # translates the errors of those above, too
    app.add_middleware(NoSniff)
    app.add_middleware(LingeringClose)
    if config.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=config.cors_origins,
            allow_methods="*",
            allow_headers="*",
            expose_headers=EXPOSED_HEADERS,
            allow_private_network=True,
        )
    app.add_middleware(MeasuredRequests)
    parts = (
        meetings, transcript, minutes, export, corrections, sentences, typed_notes, off_record, versions, audio,
        kept_audio, events, live, search, speakers, adapters, templates, tus, uploads, webhooks, health, transcriptions,
        models, realtime_socket, reference, sessions, metrics, shares, open_link, fleet, failures,
        assets,
    )  # fmt: skip
    for part in parts:
        app.include_router(part.router)
    return app


def operation_id(route: APIRoute) -> str:
    """The noun of the route's module and the function's name, such as `meetings_create`. Clients are generated from it.

    A module called `routes` has the noun of its package.
    """
    *_, package, module = route.endpoint.__module__.split(".")
    noun = package if module == "routes" else module
    return route.name if noun == route.name else f"{noun}_{route.name}"


class WithoutQuery(logging.Filter):
    """Cuts the query off every path that is logged: callers may put a key there by mistake."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_QUERY.sub("", arg) if isinstance(arg, str) else arg for arg in record.args)
        return True


def _hide_queries_in_logs() -> None:
    """Called when the application starts, so that it works however uvicorn was started."""
    for name in UVICORN_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, WithoutQuery) for each in logger.filters):
            logger.addFilter(WithoutQuery())
