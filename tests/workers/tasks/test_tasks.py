"""Every Celery task may run twice, and the second run changes nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from redis import Redis
from sqlalchemy import select

from schema.core import queues
from schema.core.database import Database
from schema.core.settings import Settings
from schema.core.states import MeetingState
from schema.core.tables import Base, now
from schema.meetings.tables import Failure
from tests.workers.sample_transcript import FIRST_TURNS, commit_turns, end_meeting
from tests.workers.worker_rig import DEATHS_LIMIT, WorkerRig
from training.data.audio import Samples
from workers.summarize.writing.model import TextModel
from workers.tasks.process import Process
from workers.tasks.tasks import summarize, sweep, transcribe

pytestmark = pytest.mark.model


@pytest.fixture(autouse=True)
def process(rig: WorkerRig, gemma: TextModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make this process a worker process on the servers and models of the rig."""
    current = Process(Settings(data_dir=tmp_path, redis_url="redis://127.0.0.1:1/0"))
    parts = {
        "stores": rig.stores,
        "send": rig.send,
        "summaries": rig.summaries,
        "transcriber": rig.worker(),
        "summarizer": rig.summarizer(gemma),
        "sweeper": rig.sweeper(),
    }
    current.__dict__.update(parts)
    monkeypatch.setattr(Process, "_current", current)
    yield
    rig.sent.clear()


def everything(database: Database) -> list[tuple[object, ...]]:
    """All rows of all tables."""
    with database.read() as session:
        return [tuple(row) for table in Base.metadata.sorted_tables for row in session.execute(select(table))]


def test_a_second_transcribe_task_changes_nothing(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    rig.finish()
    transcribe("0")
    assert rig.state() == MeetingState.SUMMARIZING
    before, sent = everything(rig.database), list(rig.sent)
    transcribe("0")
    assert everything(rig.database) == before
    assert rig.sent == sent


def test_a_second_summarize_task_changes_nothing(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    rig.finish()
    transcribe("0")
    summarize("m")
    assert rig.state() == MeetingState.FINISHED
    before = everything(rig.database)
    summarize("m")
    assert everything(rig.database) == before


def test_a_second_sweep_task_changes_nothing(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    sweep()
    before = everything(rig.database)
    sweep()
    assert everything(rig.database) == before


def test_summarising_an_unknown_meeting_is_not_a_failure(rig: WorkerRig) -> None:
    summarize("nobody")
    assert rig.count(Failure) == 0


def test_a_failed_summary_is_stored_as_a_failure_with_its_reason(rig: WorkerRig) -> None:
    rig.open_meeting()
    summarize.on_failure(RuntimeError("out of memory"), "id", ["m"], {}, None)
    (failure,) = rig.failures()
    assert (failure.task, failure.arguments, failure.reason) == (queues.SUMMARIZE, ["m"], "RuntimeError")
    assert failure.detail == "out of memory"


def test_a_repeated_failure_is_one_row_until_it_is_replayed(rig: WorkerRig) -> None:
    rig.open_meeting()
    for _ in range(2):
        summarize.on_failure(RuntimeError("out of memory"), "id", ["m"], {}, None)
    (failure,) = rig.failures()
    assert failure.attempts == 2
    with rig.database.write() as session:
        session.get_one(Failure, failure.id).replayed_at = now()
    summarize.on_failure(RuntimeError("out of memory"), "id", ["m"], {}, None)
    assert len(rig.failures()) == 2


class KillingTextModel(TextModel):
    """The real model, which kills the process that writes with it."""

    def __init__(self, model: TextModel) -> None:
        self.__dict__.update(model.__dict__)

    @property
    def asked(self) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def summarise_and_die(rig: WorkerRig, model: TextModel) -> None:
    """Summarise in a separate process with its own connections, and die."""

    def work() -> None:
        database, redis = Database(str(rig.database.url)), Redis.from_url(rig.redis_url)
        WorkerRig(database, redis, rig.engine, rig.store).summarizer(KillingTextModel(model)).run("m")

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    rig.redis.delete("mb:summarizing:m")  # the lease would end with time


def test_a_summary_that_always_kills_its_worker_is_given_up_until_it_is_replayed(
    rig: WorkerRig, gemma: TextModel
) -> None:
    rig.open_meeting()
    commit_turns(rig, FIRST_TURNS)
    end_meeting(rig)
    for _ in range(DEATHS_LIMIT):
        summarise_and_die(rig, gemma)
    assert rig.failures() == []
    for _ in range(2):
        summarize.apply(["m"])
        assert rig.state() == MeetingState.SUMMARIZING
        (failure,) = rig.failures()
        assert (failure.task, failure.arguments, failure.reason) == (queues.SUMMARIZE, ["m"], "worker-lost")
        assert failure.attempts == DEATHS_LIMIT
    with rig.database.write() as session:
        session.get_one(Failure, failure.id).replayed_at = now()
    summarize.apply(["m"])
    assert rig.state() == MeetingState.FINISHED


def test_the_count_of_crashes_is_deleted_when_the_summary_is_written(rig: WorkerRig, gemma: TextModel) -> None:
    rig.open_meeting()
    commit_turns(rig, FIRST_TURNS)
    end_meeting(rig)
    summarise_and_die(rig, gemma)
    assert rig.redis.get("mb:summary-deaths:m") == b"1"
    summarize.apply(["m"])
    assert rig.redis.get("mb:summary-deaths:m") is None
    assert rig.state() == MeetingState.FINISHED
    assert rig.failures() == []
