"""Routes for operators: what every worker does, draining and restarting a worker, pausing a queue."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.bearer import Admin
from api.fleet import examples
from api.fleet.delays import count_unfinished, meeting_delays
from api.fleet.failures import failure_page
from api.health import queue_status
from api.http.examples import response
from api.http.problems import responses
from api.meetings.routes import ANY
from api.services import Services, ServicesHere
from schema.core import queues
from schema.core.errors import NotFound, Unavailable
from schema.core.states import WorkerState
from schema.core.wire import QueueStatus
from schema.fleet import orders
from schema.fleet.orders import Orders
from schema.fleet.registry import SeenWorker, seen_workers
from schema.fleet.wire import FleetOut, WorkerOut
from schema.mailbox.unavailable import reachable

FAILURES_SHOWN = 20
WorkerName = Annotated[str, Path(max_length=200, examples=["transcribe@host"])]
QueueName = Annotated[str, Path(max_length=200, examples=["summarize"])]

router = APIRouter(prefix="/v1", tags=["operation"], responses=responses(*ANY, Unavailable))


@router.get("/workers", summary="Show all workers", responses=response(examples.FLEET))
def show(services: ServicesHere, _principal: Admin) -> FleetOut:
    """Show what every worker does, the queues, how far live meetings are behind, and what failed.

    Needs the scope `admin`, because it names meetings of all owners.
    """
    with reachable(services.stores.redis):
        workers = _workers(services)
    with services.database.read() as session:
        meetings, unfinished = meeting_delays(session, services.stores.mailbox), count_unfinished(session)
        failures = failure_page(session, FAILURES_SHOWN)
    return FleetOut(
        workers=workers,
        queues=[queue_status(services, name) for name in queues.served_queues(services.config.voices)],
        meetings=meetings,
        unfinished=unfinished,
        failures=failures,
        flower_url=services.flower.url(),
    )


@router.post(
    "/workers/{name}/drain",
    summary="Drain a worker",
    status_code=202,
    responses={**responses(NotFound), **response(examples.DRAINING, 202)},
)
def drain(name: WorkerName, services: ServicesHere, _principal: Admin) -> WorkerOut:
    """Let a worker finish what it has, and take no more, until it is resumed. It stays drained when it restarts.

    Other workers of the same queue go on. Needs the scope `admin`.
    """
    with reachable(services.stores.redis):
        _find(services, name)
        orders.drain_worker(services.stores.redis, name)
        return _find(services, name)


@router.post(
    "/workers/{name}/resume",
    summary="Resume a worker",
    status_code=202,
    responses={**responses(NotFound), **response(examples.WORKER, 202)},
)
def resume(name: WorkerName, services: ServicesHere, _principal: Admin) -> WorkerOut:
    """Let a drained worker take work again. Needs the scope `admin`."""
    with reachable(services.stores.redis):
        _find(services, name)
        orders.resume_worker(services.stores.redis, name)
        return _find(services, name)


@router.post(
    "/workers/{name}/restart",
    summary="Restart a worker",
    status_code=202,
    responses={**responses(NotFound), **response(examples.RESTARTING, 202)},
)
def restart(name: WorkerName, services: ServicesHere, _principal: Admin) -> WorkerOut:
    """Let a worker finish what it has, and end. What supervises it then starts it again.

    Asking again before it has ended changes nothing. Needs the scope `admin`.
    """
    with reachable(services.stores.redis):
        worker = _find(services, name)
        orders.restart_worker(services.stores.redis, name, worker.instance)
        return _find(services, name)


@router.post(
    "/queues/{queue}/pause",
    summary="Pause a queue",
    status_code=202,
    responses={**responses(NotFound), **response(examples.PAUSED_QUEUE, 202)},
)
def pause(queue: QueueName, services: ServicesHere, _principal: Admin) -> QueueStatus:
    """Let no worker take anything from a queue, until it is resumed. It stays paused when workers restart.

    What was accepted waits, and is not lost. Needs the scope `admin`.
    """
    with reachable(services.stores.redis):
        orders.pause_queue(services.stores.redis, _known_queue(queue))
    return queue_status(services, queue)


@router.post(
    "/queues/{queue}/resume",
    summary="Resume a queue",
    status_code=202,
    responses={**responses(NotFound), **response(examples.QUEUE, 202)},
)
def resume_queue(queue: QueueName, services: ServicesHere, _principal: Admin) -> QueueStatus:
    """Let workers take messages from a paused queue again. Needs the scope `admin`."""
    with reachable(services.stores.redis):
        orders.resume_queue(services.stores.redis, _known_queue(queue))
    return queue_status(services, queue)


def _known_queue(queue: str) -> str:
    if queue not in queues.ALL_QUEUES:
        raise NotFound(f"there is no queue '{queue[:64]}'; the queues are: {', '.join(queues.ALL_QUEUES)}")
    return queue


def _find(services: Services, name: str) -> WorkerOut:
    workers = _workers(services)
    found = next((worker for worker in workers if worker.name == name), None)
    if found is None:
        known = ", ".join(worker.name for worker in workers) or "none; start them with 'minutebook up'"
        raise NotFound(f"there is no worker '{name[:64]}'; the workers are: {known}")
    return found


def _workers(services: Services) -> list[WorkerOut]:
    seen = seen_workers(services.stores.redis)
    asked = orders.asked_of(services.stores.redis, (each.record.name for each in seen))
    return [
        WorkerOut(
            **each.record.model_dump(), state=state_of(each, asked[each.record.name]), seen_s=round(each.seen_s, 1)
        )
        for each in seen
    ]


def state_of(worker: SeenWorker, asked: Orders) -> WorkerState:
    record = worker.record
    if worker.lost:
        return WorkerState.LOST
    if record.stopping or asked.restart_of == record.instance:
        return WorkerState.RESTARTING
    if asked.drained:
        return WorkerState.DRAINING if record.takes or record.tasks else WorkerState.DRAINED
    if not record.processes or not all(process.ready for process in record.processes):
        return WorkerState.STARTING
    return WorkerState.RUNNING
