"""The client's requests of operators: workers, queues, failed tasks."""

from __future__ import annotations

from urllib.parse import quote

from api.client.http import Http
from schema.core.wire import QueueStatus
from schema.fleet.wire import FleetOut, WorkerOut


async def read_fleet(http: Http) -> FleetOut:
    return FleetOut.model_validate_json((await http.call("GET", "/v1/workers")).content)


async def ask_worker(http: Http, name: str, action: str) -> WorkerOut:
    """*action* is `drain`, `resume` or `restart`."""
    answer = await http.call("POST", f"/v1/workers/{quote(name, safe='@')}/{action}")
    return WorkerOut.model_validate_json(answer.content)


async def ask_queue(http: Http, queue: str, action: str) -> QueueStatus:
    """*action* is `pause` or `resume`."""
    answer = await http.call("POST", f"/v1/queues/{quote(queue, safe='')}/{action}")
    return QueueStatus.model_validate_json(answer.content)
