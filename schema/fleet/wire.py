"""What workers say about themselves, and the wire types of the routes for operators."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schema.core.states import MeetingState, WorkerState
from schema.core.wire import QueueStatus, Shown, Wire


class ModelInUse(Wire):
    """A loaded model. `precision` and `device` are null for a model elsewhere. `adapters` are those in memory."""

    model: str
    precision: str | None = None
    device: str | None = None
    adapters: list[str] = Field(default_factory=list)


class WorkError(Wire):
    """The last error that a worker has logged since it started."""

    at: datetime
    text: Shown


class PoolProcess(Wire):
    """One process of a worker's pool. It is `ready` once its models are loaded.

    `task` is null while it waits for work, and so is `busy_s`, the time since the task began. `meetings` are those of
    the current step. `cpu_cores` is the processor time per second since the last look.
    """

    place: int
    pid: int
    ready: bool
    task: str | None = None
    meetings: list[str] = Field(default_factory=list)
    busy_s: float | None = None
    cpu_cores: float | None = None
    resident_bytes: int | None = None


class GpuState(Wire):
    """A GPU of the worker's machine. `use` is the share of time in which it worked, from 0 to 1."""

    device: str
    name: str
    used_bytes: int
    total_bytes: int
    use: float


class WorkAverages(Wire):
    """What a worker did in the last minute: steps of transcription and notes for minutes.

    `step_windows` is the number of windows in the batch of a step. An average of nothing is null.
    """

    steps: int = 0
    step_s: float | None = None
    step_windows: float | None = None
    notes: int = 0
    note_s: float | None = None


class WorkerRecord(Wire):
    """What a worker says about itself, every two seconds.

    `instance` is new with each start. `takes` are those of its `queues` from which it takes messages at the moment.
    `tasks` counts the messages that it has taken and not finished. `cpu_cores` and `resident_bytes` are of the main
    process and the pool together.
    """

    name: str
    instance: str
    started_at: datetime
    queues: list[str]
    takes: list[str]
    tasks: int
    stopping: bool = False
    processes: list[PoolProcess]
    models: list[ModelInUse]
    averages: WorkAverages
    cpu_cores: float | None = None
    resident_bytes: int = 0
    gpus: list[GpuState]
    last_error: WorkError | None = None


class WorkerOut(WorkerRecord):
    """A worker. `seen_s` is how long ago it last said something."""

    state: WorkerState
    seen_s: float


class MeetingDelay(Wire):
    """A live meeting that is not finished. `behind_s` is the audio of its slowest track that has no words yet."""

    meeting_id: str
    title: Shown
    state: MeetingState
    started_at: datetime
    tracks: int
    behind_s: float


class FailureOut(Wire):
    """A task that failed for good. `replayed_at` is null until somebody replays it."""

    id: int
    meeting_id: str | None = None
    task: str
    reason: str
    detail: Shown
    attempts: int
    created_at: datetime
    replayed_at: datetime | None = None


class FailurePage(Wire):
    """`waiting` counts all failures that were not replayed. `next_cursor` is null on the last page."""

    failures: list[FailureOut]
    waiting: int
    next_cursor: int | None = None


class Replayed(Wire):
    """`left` counts the failures that still wait: one request replays a limited number."""

    replayed: int
    left: int


class FleetOut(Wire):
    """Everything that operators see at a glance. `meetings` are those that are furthest behind, of `unfinished` ones.

    `failures` are the newest that were not replayed. `flower_url` is null where no Flower answers.
    """

    workers: list[WorkerOut]
    queues: list[QueueStatus]
    meetings: list[MeetingDelay]
    unfinished: int
    failures: FailurePage
    flower_url: str | None = None
