"""OpenAI's doors, put into the application."""

from __future__ import annotations

from fastapi import FastAPI

from api.openai import models
from api.openai import realtime_socket as realtime
from api.openai import transcriptions as files
from api.openai.errors import OpenAiErrors


def install(app: FastAPI) -> None:
    """Call it after every other middleware was added, so that their errors have OpenAI's shape too."""
    app.add_middleware(OpenAiErrors)
    for part in (files, models, realtime):
        app.include_router(part.router)
