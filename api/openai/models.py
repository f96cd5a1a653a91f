"""The models that a request may name: the served model, its adapters, and OpenAI's names for the served model."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.bearer import Reader
from api.services import ServicesHere
from schema.adapters.tables import Adapter
from schema.core.errors import NotFound
from schema.core.states import AdapterState, AdapterTask
from schema.core.wire import Wire

OPENAI_NAMES = (
    "whisper-1",
    "gpt-transcribe",
    "gpt-live-transcribe",
    "gpt-realtime-whisper",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
)
"""Names that existing clients send. Each means the served model."""
OWNER = "minutebook"
SUGGESTIONS = 3

router = APIRouter(prefix="/v1/models", include_in_schema=False)


class Model(Wire):
    """`created` is in seconds since 1970."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = OWNER


class ModelList(Wire):
    object: Literal["list"] = "list"
    data: list[Model]


@router.get("")
def list_models(services: ServicesHere, _principal: Reader) -> ModelList:
    """List the served model, then its adapters, then OpenAI's names."""
    with services.database.read() as session:
        return ModelList(data=_models(session, services.config.asr_model))


@router.get("/{name:path}")
def show_model(name: str, services: ServicesHere, _principal: Reader) -> Model:
    with services.database.read() as session:
        models = _models(session, services.config.asr_model)
    found = next((model for model in models if model.id == name), None)
    if found is None:
        raise _model_not_found(name, [model.id for model in models])
    return found


def adapter_of_model(session: Session, model: str, served: str) -> str | None:
    """The adapter that *model* names, None if it names the *served* model itself. Raises NotFound."""
    if model == served or model in OPENAI_NAMES:
        return None
    known = _adapters(session)
    if model not in {adapter.name for adapter in known}:
        raise _model_not_found(model, [served, *(adapter.name for adapter in known), *OPENAI_NAMES])
    return model


def _models(session: Session, served: str) -> list[Model]:
    adapters = [Model(id=each.name, created=int(each.created_at.timestamp())) for each in _adapters(session)]
    names = [Model(id=name, created=0) for name in OPENAI_NAMES]
    return [Model(id=served, created=0), *adapters, *names]


def _adapters(session: Session) -> list[Adapter]:
    serving = (Adapter.task == AdapterTask.ASR, Adapter.state == AdapterState.ACTIVE)
    return list(session.scalars(select(Adapter).where(*serving).order_by(Adapter.name)))


def _model_not_found(name: str, known: list[str]) -> NotFound:
    suggestions = ", ".join(known[:SUGGESTIONS])
    detail = f"there is no model '{name[:64]}'; use one that GET /v1/models lists, such as {suggestions}"
    return NotFound(detail, param="model", code="model_not_found")
