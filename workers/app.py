"""The Celery application: `celery -A workers.app worker -Q transcribe`, `-Q summarize` and `-Q ingest`.

Redis is the broker. Messages carry only ids, and a message may arrive twice or get lost. So every task reads its work
from SQL or Redis, and beat sends the wake-ups again.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import after_setup_logger, after_setup_task_logger, celeryd_init
from kombu.entity import Queue

from schema.core import queues
from schema.core.json_logs import write_json
from schema.core.repeats import leave_out_repeats
from schema.core.settings import settings

TRANSCRIBE_LIMIT_S = 600
LISTEN_LIMIT_S = 600
SUMMARIZE_LIMIT_S = 600
INGEST_LIMIT_S = 600
DELIVER_LIMIT_S = 120
VISIBILITY_TIMEOUT_S = 900
"""Longer than any task. Otherwise the broker would deliver a message again while its worker still runs."""


def create_celery() -> Celery:
    config = settings()
    signals = ["workers.metrics.worker_signals", "workers.fleet.worker_signals"]
    modules = ["workers.tasks.tasks", "workers.tasks.warm_up", *signals]
    celery = Celery("minutebook", broker=config.redis_url, include=modules)
    celery.conf.update(
        broker_connection_retry_on_startup=True,
        # A Redis whose disk is full refuses even to hand out messages. Without this the worker would end.
        broker_channel_error_retry=True,
        broker_transport_options={"visibility_timeout": VISIBILITY_TIMEOUT_S},
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_send_task_events=True,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        # A worker process loads its model before it reports that it is alive.
        worker_proc_alive_timeout=300.0,
        task_queues=[Queue(name) for name in queues.ALL_QUEUES],  # type: ignore[no-untyped-call]
        task_default_queue=queues.TRANSCRIBE_QUEUE,
        task_routes={
            queues.TRANSCRIBE: {"queue": queues.TRANSCRIBE_QUEUE},
            queues.SWEEP: {"queue": queues.TRANSCRIBE_QUEUE},
            queues.SUMMARIZE: {"queue": queues.SUMMARIZE_QUEUE},
            queues.INGEST: {"queue": queues.INGEST_QUEUE},
            queues.LISTEN: {"queue": queues.SPEAKERS_QUEUE},
            queues.DELIVER: {"queue": queues.INGEST_QUEUE},
        },
        beat_scheduler="workers.tasks.scheduler:Scheduler",
        beat_schedule_filename=str(config.data_dir / "celerybeat-schedule"),
        beat_schedule={
            **_every_second("wake", queues.TRANSCRIBE, config.shards),
            **_every_second("listen", queues.LISTEN, config.shards if config.voices != "off" else 0),
            "ingest": {"task": queues.INGEST, "args": [""], "schedule": 1.0, "options": {"expires": 1.0}},
            # The task may wait behind uploads. If several pile up meanwhile, all but the first find nothing to send.
            "deliver": {"task": queues.DELIVER, "schedule": 5.0, "options": {"expires": 60.0}},
            "sweep": {"task": queues.SWEEP, "schedule": 5.0, "options": {"expires": 5.0}},
        },
    )
    return celery


def _every_second(name: str, task: str, shards: int) -> dict[str, Any]:
    """The schedule that sends *task* for each shard every second."""
    return {
        f"{name}-{shard}": {"task": task, "args": [str(shard)], "schedule": 1.0, "options": {"expires": 1.0}}
        for shard in range(shards)
    }


@after_setup_logger.connect  # type: ignore[untyped-decorator]
@after_setup_task_logger.connect  # type: ignore[untyped-decorator]
def _write_log(logger: logging.Logger, **_: Any) -> None:
    leave_out_repeats(logger)
    if settings().log_format == "json":
        from workers.tasks.monitoring import facts_of_task

        write_json(logger, facts=facts_of_task)


@celeryd_init.connect  # type: ignore[untyped-decorator]
def _leave_out_warning_of_root(**_: Any) -> None:
    """Celery would write eight lines for each worker, because messages may be pickled. Here they are JSON."""
    warnings.filterwarnings("ignore", r"\s*You're running the worker with superuser privileges", SecurityWarning)


app = create_celery()
