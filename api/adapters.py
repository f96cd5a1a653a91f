"""Routes of adapters: what a meeting can name, and promotion, rollback and retirement.

`minutebook adapters promote` on the server also compares a version with the active one on test data.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.auth.bearer import Admin, Reader
from api.http.examples import STARTED_AT, response
from api.http.problems import responses
from api.services import ServicesHere
from schema.adapters.lifecycle import Grounds, promote, retire, roll_back
from schema.adapters.registry import find_version, history, listed
from schema.adapters.wire import (
    AdapterChange,
    AdapterHistory,
    AdapterLabel,
    AdapterList,
    AdapterOut,
    AdapterPromotion,
    DecisionOut,
)
from schema.core.errors import Conflict, Forbidden, NotFound, RateLimited, Unauthorized
from schema.core.states import AdapterMove, AdapterState, AdapterTask

ACTIVE = AdapterOut(
    label="medical-terms@3",
    task=AdapterTask.ASR,
    name="medical-terms",
    version=3,
    state=AdapterState.ACTIVE,
    base_model="package:tiny.en",
    base_checksum="d9a5a7d237ea98165446176ef5aba5f3603a6e83cd23c52f661b0a76f2018374",
    method="lora",
    rank=32,
    precision="bfloat16",
    audio_context=False,
    data_fingerprint="562e1a66a4c6d8b8",
    checksum="3c1cc3b54f359b9f335dd5db64403ea44a59ecb03ecfeb274e53ea3937bb7ccc",
    size_bytes=792_497,
    metrics={"wer": 0.081},
    facts={"ranks": {"model.decoder.layers.0.self_attn.q_proj": 32}},
    created_at=STARTED_AT - timedelta(days=2),
)
REPLACED = ACTIVE.model_copy(
    update={
        "label": "medical-terms@2",
        "version": 2,
        "state": AdapterState.RETIRED,
        "checksum": "8f73045492671f812d32740168ae9503548336e8c6e781a7b450ebd5bcad272d",
        "metrics": {"wer": 0.092},
        "created_at": STARTED_AT - timedelta(days=9),
    }
)
ADAPTERS = AdapterList(adapters=[ACTIVE, REPLACED])
HISTORY = AdapterHistory(
    versions=[ACTIVE, REPLACED],
    decisions=[
        DecisionOut(
            move=AdapterMove.PROMOTE,
            adapter=ACTIVE.label,
            replaced=REPLACED.label,
            decided_by="ann",
            forced=False,
            reason="the new ward's words",
            figures={
                "data": "test.jsonl",
                "examples": 212,
                "groups": 24,
                "metric": "word error rate",
                "candidate": 0.081,
                "compared_with": REPLACED.label,
                "serving": 0.092,
                "gain": 0.011,
                "gain_low": 0.002,
                "gain_high": 0.021,
                "precision": "bfloat16",
            },
            created_at=STARTED_AT - timedelta(days=1),
        )
    ],
)


def _storable_name(name: str) -> str:
    """Return the name of the path. Raises NotFound where it has NUL, which PostgreSQL refuses to search for."""
    if "\0" in name:
        raise NotFound("no adapter has a name with the character U+0000; 'minutebook adapters list' lists all")
    return name


StorableName = Annotated[str, Depends(_storable_name)]

router = APIRouter(prefix="/v1/adapters", tags=["adapters"], responses=responses(Unauthorized, Forbidden, RateLimited))


@router.get("", summary="List adapters", responses=response(ADAPTERS))
def list_adapters(services: ServicesHere, _principal: Reader, task: AdapterTask | None = None) -> AdapterList:
    """List the versions of all adapters by task and name, newest first.

    A meeting that names an adapter gets its active version.
    """
    with services.database.read() as session:
        return AdapterList(adapters=[AdapterOut.model_validate(each) for each in listed(session, task)])


@router.get("/{task}/{name}", summary="Show an adapter", responses={**responses(NotFound), **response(HISTORY)})
def show(task: AdapterTask, name: StorableName, services: ServicesHere, _principal: Reader) -> AdapterHistory:
    """Show all versions of one adapter and every decision about them: who made it, when, and on which figures."""
    with services.database.read() as session:
        return history(session, task, name)


VersionNumber = Annotated[int, Path(ge=1, le=999_999)]
CHANGED = {**responses(NotFound, Conflict), **response(HISTORY)}


@router.post("/{task}/{name}/versions/{version}/promote", summary="Promote a version", responses=CHANGED)
def promote_version(
    task: AdapterTask,
    name: StorableName,
    version: VersionNumber,
    wanted: AdapterPromotion,
    services: ServicesHere,
    principal: Admin,
) -> AdapterHistory:
    """Make a version active without a comparison, for a reason that is stored. Running meetings use it at once.

    It is refused if another version than `replaces` is active by now.
    """
    grounds = Grounds(principal.owner, wanted.reason, forced=True)
    with services.database.write() as session:
        adapter = find_version(session, task, AdapterLabel(name, version))
        replaced = AdapterLabel.parse(wanted.replaces) if wanted.replaces else None
        compared_with = find_version(session, task, replaced).id if replaced else None
        promote(session, adapter, compared_with, grounds)
        return history(session, task, name)


@router.post("/{task}/{name}/rollback", summary="Roll back an adapter", responses=CHANGED)
def roll_back_adapter(
    task: AdapterTask, name: StorableName, wanted: AdapterChange, services: ServicesHere, principal: Admin
) -> AdapterHistory:
    """Replace the active version by the one that it replaced, or by the bare model."""
    with services.database.write() as session:
        roll_back(session, task, name, Grounds(principal.owner, wanted.reason))
        return history(session, task, name)


@router.post("/{task}/{name}/versions/{version}/retire", summary="Retire a version", responses=CHANGED)
def retire_version(
    task: AdapterTask,
    name: StorableName,
    version: VersionNumber,
    wanted: AdapterChange,
    services: ServicesHere,
    principal: Admin,
) -> AdapterHistory:
    """Stop using a version, also for meetings that name it. Asking again changes nothing."""
    with services.database.write() as session:
        adapter = find_version(session, task, AdapterLabel(name, version))
        retire(session, adapter, Grounds(principal.owner, wanted.reason))
        return history(session, task, name)
