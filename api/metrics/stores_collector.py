"""What the stores say about the whole system. They are asked when Prometheus asks."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from schema.core import queues
from schema.core.errors import MinutebookError
from schema.core.settings import Settings
from schema.core.states import MeetingState, UploadState
from schema.core.units import s_of_samples
from schema.fleet.orders import paused_queues
from schema.mailbox.unavailable import reachable
from schema.meetings.tables import Failure, Meeting
from schema.stores import Stores
from schema.uploads.tables import Upload

log = logging.getLogger(__name__)
SHOWN_MEETINGS = (MeetingState.LIVE, MeetingState.DRAINING, MeetingState.SUMMARIZING)


class StoresCollector(Collector):
    """Metrics of a store that cannot be used are left out, and `minutebook_store_up` is 0 for it."""

    def __init__(self, config: Settings, stores: Stores) -> None:
        self._config = config
        self._stores = stores

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("minutebook_store_up", "Whether the store can be used.", labels=["store"])
        for name, ask in (("database", self._of_database), ("redis", self._of_redis)):
            found = _asked(name, ask)
            up.add_metric([name], 0 if found is None else 1)
            yield from found or ()
        yield up
        free = GaugeMetricFamily("minutebook_disk_free_bytes", "Free space of the disk with the data folder.")
        free.add_metric([], shutil.disk_usage(self._config.data_dir).free)
        yield free

    def _of_database(self) -> list[Metric]:
        with self._stores.database.read() as session:
            meetings = _count_by(session, Meeting.state, *(state.value for state in SHOWN_MEETINGS))
            uploads = _count_by(session, Upload.state, *(state.value for state in UploadState))
            waiting = select(func.count()).select_from(Failure).where(Failure.replayed_at.is_(None))
            failures = session.scalar(waiting) or 0
        return [
            _gauge("minutebook_meetings", "Meetings that are not finished.", "state", meetings),
            _gauge("minutebook_uploads", "Uploads.", "state", uploads),
            GaugeMetricFamily("minutebook_failures_waiting", "Failed tasks that were not replayed.", failures),
        ]

    def _of_redis(self) -> list[Metric]:
        redis, config = self._stores.redis, self._config
        with reachable(redis):
            lengths = {name: queues.queue_length(redis, name) for name in queues.served_queues(config.voices)}
            memory = redis.info("memory")
            closed = paused_queues(redis)
        depths = [self._stores.mailbox.depth(shard) for shard in range(config.shards)]
        tracks = {
            "waiting": sum(depth.ready for depth in depths),
            "due": sum(depth.due for depth in depths),
            "leased": sum(depth.leased for depth in depths),
        }
        pending_s = s_of_samples(sum(depth.pending_samples for depth in depths))
        waiting = {name: length.waiting for name, length in lengths.items()}
        oldest_s = {name: length.oldest_s or 0.0 for name, length in lengths.items()}
        paused = {name: int(name in closed) for name in lengths}
        of_redis = {"used": memory["used_memory"], "limit": memory["maxmemory"]}
        return [
            _gauge("minutebook_queue_messages", "Messages that wait for a worker.", "queue", waiting),
            _gauge("minutebook_queue_oldest_seconds", "Age of the oldest message that waits.", "queue", oldest_s),
            _gauge("minutebook_queue_paused", "1 if workers take nothing from it.", "queue", paused),
            _gauge("minutebook_tracks", "Tracks with audio.", "state", tracks),
            GaugeMetricFamily("minutebook_pending_audio_seconds", "Audio that waits to be transcribed.", pending_s),
            _gauge("minutebook_redis_memory_bytes", "Memory of Redis; limit 0 means none.", "kind", of_redis),
        ]


def _asked(store: str, ask: Callable[[], list[Metric]]) -> list[Metric] | None:
    try:
        return ask()
    except MinutebookError as error:
        log.warning("no metrics of the %s: %s", store, error.detail)
        return None


def _count_by(session: Session, state: InstrumentedAttribute[str], *known: str) -> dict[str, int]:
    """The number of rows in each of the *known* states."""
    counted = session.execute(select(state, func.count()).where(state.in_(known)).group_by(state))
    return dict.fromkeys(known, 0) | {row[0]: row[1] for row in counted}


def _gauge(name: str, text: str, label: str, values: dict[str, Any]) -> Metric:
    gauge = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        gauge.add_metric([key], value)
    return gauge
