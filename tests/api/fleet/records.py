"""What a worker says about itself, for tests that need no worker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schema.fleet.wire import ModelInUse, PoolProcess, WorkAverages, WorkerRecord


def worker_record(name: str = "summarize@here", **changes: Any) -> WorkerRecord:
    """A worker that waits for work."""
    queue = name.partition("@")[0]
    record = WorkerRecord(
        name=name,
        instance="1" * 16,
        started_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        queues=[queue],
        takes=[queue],
        tasks=0,
        processes=[PoolProcess(place=0, pid=7, ready=True)],
        models=[ModelInUse(model="package:tiny.en", precision="float32", device="cpu")],
        averages=WorkAverages(),
        gpus=[],
    )
    return record.model_copy(update=changes)
