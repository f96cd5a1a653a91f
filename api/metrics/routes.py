"""`GET /metrics`, which Prometheus reads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from api.auth.bearer import require
from api.auth.keys import Principal
from api.metrics.stores_collector import StoresCollector
from api.services import ServicesHere
from schema.core.states import Scope

router = APIRouter()


@router.get("/metrics", include_in_schema=False)
def metrics(services: ServicesHere, _principal: Annotated[Principal, Depends(require(Scope.METRICS))]) -> Response:
    asked = CollectorRegistry()
    asked.register(StoresCollector(services.config, services.stores))
    ProcessCollector(registry=asked)
    text = generate_latest(services.metrics.registry) + generate_latest(asked)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
