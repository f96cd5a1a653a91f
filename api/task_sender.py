"""Sends wake-ups to the workers: Celery messages that may be lost or sent twice without harm."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from celery import Celery

from schema.core import queues

log = logging.getLogger(__name__)

CONNECT_LIMIT_S = 2.0


class TaskSender:
    """Sends wake-ups from a thread of its own, so that an unreachable broker delays no request."""

    def __init__(self, broker_url: str) -> None:
        self._celery = Celery("minutebook-api", broker=broker_url, set_as_current=False)
        self._celery.conf.update(
            broker_connection_timeout=CONNECT_LIMIT_S,
            broker_transport_options={
                "socket_timeout": CONNECT_LIMIT_S,
                "socket_connect_timeout": CONNECT_LIMIT_S,
                "max_retries": 0,
            },
            task_ignore_result=True,
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="wake")
        self._asked: set[int | str] = set()
        self._lock = threading.Lock()

    def wake(self, shard: int) -> None:
        """Tell the workers that tracks of *shard* are due. Returns at once and never fails."""
        self._ask(shard, queues.TRANSCRIBE, queues.TRANSCRIBE_QUEUE)

    def ingest(self, upload_id: str) -> None:
        """Tell the workers that an upload has changed. Returns at once and never fails."""
        self._ask(upload_id, queues.INGEST, queues.INGEST_QUEUE)

    def _ask(self, about: int | str, task: str, queue: str) -> None:
        with self._lock:
            if about in self._asked:
                return
            self._asked.add(about)
        self._thread.submit(self._send, about, task, queue)

    def _send(self, about: int | str, task: str, queue: str) -> None:
        with self._lock:
            self._asked.discard(about)
        try:
            self._celery.send_task(
                task,
                [str(about)],
                queue=queue,
                ignore_result=True,
                headers=queues.sent_now(),
                expires=queues.WAKE_EXPIRES_S,
                retry=False,
            )
        except Exception as error:
            log.warning("%s for %s was not sent (%s); beat sends the next one", task, about, error)

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._celery.close()
