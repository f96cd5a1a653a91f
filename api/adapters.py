"""The adapters that meetings may name, to read. `minutebook adapters` on the server's machine changes them."""

from __future__ import annotations

from fastapi import APIRouter

from api import adapter_examples as shown
from api.auth.bearer import Reader
from api.http.examples import response
from api.http.problems import responses
from api.services import ServicesHere
from schema.adapters.registry import history, listed
from schema.adapters.wire import AdapterHistory, AdapterList, AdapterOut
from schema.core.errors import Forbidden, NotFound, RateLimited, Unauthorized
from schema.core.states import AdapterTask

router = APIRouter(prefix="/v1/adapters", tags=["adapters"], responses=responses(Unauthorized, Forbidden, RateLimited))


@router.get("", responses=response(shown.ADAPTERS))
def list_adapters(services: ServicesHere, _principal: Reader, task: AdapterTask | None = None) -> AdapterList:
    """Versions of adapters by task and name, the newest first. A meeting that names one gets its active version."""
    with services.database.read() as session:
        return AdapterList(adapters=[AdapterOut.model_validate(each) for each in listed(session, task)])


@router.get("/{task}/{name}", responses={**responses(NotFound), **response(shown.HISTORY)})
def show(task: AdapterTask, name: str, services: ServicesHere, _principal: Reader) -> AdapterHistory:
    """All versions of one adapter, and who made which of them serve, when and on what figures."""
    with services.database.read() as session:
        return history(session, task, name)
