"""Starts the metrics with a Celery worker: files for its pool, and the address for Prometheus."""

from __future__ import annotations

from typing import Any

from celery.signals import celeryd_init, worker_process_init, worker_ready

from schema.core import queues
from schema.core.settings import settings
from workers.app import app
from workers.metrics.files import share_metrics
from workers.metrics.metrics import metrics
from workers.metrics.server import serve_metrics


@celeryd_init.connect  # type: ignore[untyped-decorator]
def _share(sender: str, **_: Any) -> None:
    share_metrics(settings().metrics / sender)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _begin(**_: Any) -> None:
    metrics()  # so that each is there from the beginning, with the value 0


@worker_ready.connect  # type: ignore[untyped-decorator]
def _serve(**_: Any) -> None:
    config = settings()
    served = next((name for name in queues.ALL_QUEUES if name in app.amqp.queues.consume_from), None)
    if config.metrics_port and served is not None:
        serve_metrics(config.metrics_host, config.metrics_port + queues.ALL_QUEUES.index(served), config.sql_url)
