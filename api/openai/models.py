"""The models that a request may name: the served model, its adapters, and well-known names for the served model."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.bearer import Reader
from api.openai import reference
from api.services import ServicesHere
from schema.adapters.tables import Adapter
from schema.core.errors import NotFound
from schema.core.settings import Settings
from schema.core.states import AdapterState, AdapterTask
from schema.core.wire import Wire

OWNER = "minutebook"
SUGGESTIONS = 20

router = APIRouter(prefix="/v1/models", tags=[reference.TAG], responses=reference.ERRORS)


class Model(Wire):
    """`created` is in seconds since 1970."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = OWNER


class ModelList(Wire):
    object: Literal["list"] = "list"
    data: list[Model]


@router.get("", summary="List models", responses=reference.example({"object": "list", "data": [reference.MODEL]}))
def list_models(services: ServicesHere, _principal: Reader) -> ModelList:
    """List the served model, then its adapters, then other names of the served model."""
    with services.database.read() as session:
        return ModelList(data=_models(session, services.config))


@router.get("/{name:path}", summary="Show a model", responses=reference.example(reference.MODEL))
def show_model(name: str, services: ServicesHere, _principal: Reader) -> Model:
    """Show a model that a request may name."""
    with services.database.read() as session:
        models = _models(session, services.config)
    found = next((model for model in models if model.id == name), None)
    if found is None and is_alias(name, services.config):
        return Model(id=name, created=0)
    if found is None:
        raise _model_not_found(name, models)
    return found


def adapter_of_model(session: Session, model: str, config: Settings) -> str | None:
    """The adapter that *model* names, None if it names the served model itself. Raises NotFound."""
    if model == config.asr_model:
        return None
    if model in {adapter.name for adapter in _adapters(session)}:
        return model
    if is_alias(model, config):
        return None
    raise _model_not_found(model, _models(session, config))


def is_alias(name: str, config: Settings) -> bool:
    """Whether *name* is another name of the served model."""
    return any(fnmatchcase(name, pattern) for pattern in config.model_aliases)


def _models(session: Session, config: Settings) -> list[Model]:
    adapters = [Model(id=each.name, created=int(each.created_at.timestamp())) for each in _adapters(session)]
    aliases = [Model(id=name, created=0) for name in config.model_aliases if "*" not in name]
    return [Model(id=config.asr_model, created=0), *adapters, *aliases]


def _adapters(session: Session) -> list[Adapter]:
    serving = (Adapter.task == AdapterTask.ASR, Adapter.state == AdapterState.ACTIVE)
    return list(session.scalars(select(Adapter).where(*serving).order_by(Adapter.name)))


def _model_not_found(name: str, served: Sequence[Model]) -> NotFound:
    names = ", ".join(model.id for model in served[:SUGGESTIONS])
    detail = f"there is no model '{name[:64]}'; use one that GET /v1/models lists: {names}"
    return NotFound(detail, param="model", code="model_not_found")
