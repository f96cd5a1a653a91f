"""Examples of the routes for operators, for the API reference."""

from __future__ import annotations

from datetime import timedelta

from api.http.examples import MEETING, STARTED_AT
from schema.core import queues
from schema.core.states import MeetingState, WorkerState
from schema.core.wire import QueueStatus
from schema.fleet.wire import (
    FailureOut,
    FailurePage,
    FleetOut,
    MeetingDelay,
    ModelInUse,
    PoolProcess,
    Replayed,
    WorkAverages,
    WorkerOut,
    WorkError,
)

WORKER = WorkerOut(
    name="transcribe@host",
    instance="9f2c4e6a81b03d57",
    started_at=STARTED_AT - timedelta(hours=5),
    queues=["transcribe"],
    takes=["transcribe"],
    tasks=1,
    processes=[
        PoolProcess(
            place=0,
            pid=4711,
            ready=True,
            task=queues.TRANSCRIBE,
            meetings=[MEETING.id],
            busy_s=3.2,
            cpu_cores=0.9,
            resident_bytes=512_000_000,
        )
    ],
    models=[ModelInUse(model="package:tiny.en", precision="bfloat16", device="cpu", adapters=["medical-terms@3"])],
    averages=WorkAverages(steps=71, step_s=0.31, step_windows=2.4),
    cpu_cores=1.1,
    resident_bytes=640_000_000,
    gpus=[],
    last_error=WorkError(at=STARTED_AT - timedelta(hours=1), text="track 5f2a9c0e: this step failed: out of memory"),
    state=WorkerState.RUNNING,
    seen_s=1.2,
)
DRAINING = WORKER.model_copy(update={"state": WorkerState.DRAINING, "takes": []})
RESTARTING = WORKER.model_copy(update={"state": WorkerState.RESTARTING, "stopping": True})
QUEUE = QueueStatus(queue="summarize", waiting=2, oldest_s=4.1)
PAUSED_QUEUE = QUEUE.model_copy(update={"paused": True})
FAILURE = FailureOut(
    id=17,
    meeting_id=MEETING.id,
    task=queues.SUMMARIZE,
    reason="worker-lost",
    detail="the worker died 5 times in a row on the same part of the meeting",
    attempts=5,
    created_at=STARTED_AT + timedelta(minutes=4),
)
REPLAYED_FAILURE = FAILURE.model_copy(update={"replayed_at": STARTED_AT + timedelta(minutes=9)})
FAILURES = FailurePage(failures=[FAILURE], waiting=1)
REPLAYED = Replayed(replayed=1, left=0)
FLEET = FleetOut(
    workers=[WORKER],
    queues=[QUEUE],
    meetings=[
        MeetingDelay(
            meeting_id=MEETING.id,
            title=MEETING.title,
            state=MeetingState.LIVE,
            started_at=STARTED_AT,
            tracks=1,
            behind_s=1.4,
        )
    ],
    unfinished=1,
    failures=FAILURES,
    flower_url="http://127.0.0.1:5555",
)
