"""The API: `uvicorn api.app:create_app --factory`, or `python -m api` with the settings' host and port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from api import adapters, health, webhooks
from api.corrections import segments as corrections
from api.corrections import sentences
from api.export import routes as export
from api.http import openapi, problems
from api.http.middleware import access_log
from api.http.middleware.body_limit import BodyLimit
from api.http.middleware.lingering_close import LingeringClose
from api.http.middleware.loopback import LoopbackOnly
from api.live import http_audio as audio
from api.live import server_sent_events as events
from api.live import socket as live
from api.meetings import minutes, search, transcript, versions
from api.meetings import routes as meetings
from api.openai import routes as doors
from api.services import opened
from api.uploads import routes as uploads
from api.uploads import tus
from api.uploads.tus_protocol import TusHeaders
from schema.core.database import Database
from schema.core.errors import InvalidInput
from schema.core.settings import LOOPBACK_HOSTS, Settings, settings
from schema.core.storage import open_files


def create_app(config: Settings | None = None) -> FastAPI:
    """The application. Raises InvalidInput or Unavailable for settings that cannot be served."""
    config = config or settings()
    _check_auth(config)
    Database(config.sql_url).close()  # says what is wrong with the address before anything is served
    open_files(config.storage_url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(config) as services:
            app.state.services = services
            access_log.install()
            yield

    app = FastAPI(title="Minutebook", version=version("minutebook"), lifespan=lifespan)
    openapi.install(app)
    problems.install(app)
    app.add_middleware(
        BodyLimit, frame_limit_bytes=config.frame_limit_bytes, upload_limit_bytes=config.upload_limit_bytes
    )
    app.add_middleware(TusHeaders)
    if not config.asks_for_keys:
        app.add_middleware(LoopbackOnly)
    doors.install(app)
    app.add_middleware(LingeringClose)
    parts = (
        meetings, transcript, minutes, export, corrections, sentences, versions, audio, events, live, search,
        adapters, tus, uploads, webhooks, health,
    )  # fmt: skip
    for part in parts:
        app.include_router(part.router)
    return app


def _check_auth(config: Settings) -> None:
    if config.auth == "off" and config.api_host not in LOOPBACK_HOSTS:
        raise InvalidInput(
            f"MINUTEBOOK_AUTH=off with MINUTEBOOK_API_HOST={config.api_host} would let anybody read every meeting; "
            "set MINUTEBOOK_AUTH=on and make a key with 'minutebook keys create', or listen on 127.0.0.1"
        )
