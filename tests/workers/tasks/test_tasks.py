"""Every Celery task may run twice: the second run finds nothing left to do."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
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
from tests.workers.script import A_FEW, end, write_down
from tests.workers.studio import DEATHS_LIMIT, Audio, Studio
from workers.summarize.writing.model import TextModel
from workers.tasks.process import Process
from workers.tasks.tasks import summarize, sweep, transcribe

pytestmark = pytest.mark.model


@pytest.fixture(autouse=True)
def process(studio: Studio, gemma: TextModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as a worker process, on the studio's servers and models."""
    current = Process(Settings(data_dir=tmp_path, redis_url="redis://127.0.0.1:1/0"))
    parts = {
        "stores": studio.stores,
        "send": studio.send,
        "summaries": studio.summaries,
        "transcriber": studio.worker(),
        "summarizer": studio.summarizer(gemma),
        "sweeper": studio.sweeper(),
    }
    current.__dict__.update(parts)
    monkeypatch.setattr(Process, "_current", current)
    yield
    studio.sent.clear()


def everything(database: Database) -> list[tuple[object, ...]]:
    """Each row of each table."""
    with database.read() as session:
        return [tuple(row) for table in Base.metadata.sorted_tables for row in session.execute(select(table))]


def test_transcribing(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.finish()
    transcribe("0")
    assert studio.state() == MeetingState.SUMMARIZING
    before, sent = everything(studio.database), list(studio.sent)
    transcribe("0")
    assert everything(studio.database) == before
    assert studio.sent == sent


def test_summarising(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.finish()
    transcribe("0")
    summarize("m")
    assert studio.state() == MeetingState.FINISHED
    before = everything(studio.database)
    summarize("m")
    assert everything(studio.database) == before


def test_sweeping(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    sweep()
    before = everything(studio.database)
    sweep()
    assert everything(studio.database) == before


def test_a_summary_of_a_meeting_that_does_not_exist_is_no_failure(studio: Studio) -> None:
    summarize("nobody")
    assert studio.count(Failure) == 0


def test_a_summary_that_fails_for_good_is_kept_with_its_reason(studio: Studio) -> None:
    studio.open_meeting()
    summarize.on_failure(RuntimeError("out of memory"), "id", ["m"], {}, None)
    (failure,) = studio.failures()
    assert (failure.task, failure.arguments, failure.reason) == (queues.SUMMARIZE, ["m"], "RuntimeError")
    assert failure.detail == "out of memory"


def test_the_same_failure_again_is_the_same_row_until_it_is_replayed(studio: Studio) -> None:
    studio.open_meeting()
    for _ in range(2):
        summarize.on_failure(RuntimeError("out of memory"), "id", ["m"], {}, None)
    (failure,) = studio.failures()
    assert failure.attempts == 2
    with studio.database.write() as session:
        session.get_one(Failure, failure.id).replayed_at = now()
    summarize.on_failure(RuntimeError("out of memory"), "id", ["m"], {}, None)
    assert len(studio.failures()) == 2


class Deadly(TextModel):
    """The real model; the process that writes with it is killed."""

    def __init__(self, model: TextModel) -> None:
        self.__dict__.update(model.__dict__)

    def generate(self, prompts: Sequence[str], max_new_tokens: int, **_options: object) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def summarise_and_die(studio: Studio, model: TextModel) -> None:
    """In a process of its own, on connections of its own."""

    def work() -> None:
        database, redis = Database(str(studio.database.url)), Redis.from_url(studio.redis_url)
        Studio(database, redis, studio.engine, studio.store).summarizer(Deadly(model)).run("m")

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    studio.redis.delete("mb:summarizing:m")  # as time does


def test_a_summary_that_kills_its_worker_each_time_is_given_up_until_it_is_replayed(
    studio: Studio, gemma: TextModel
) -> None:
    studio.open_meeting()
    write_down(studio, A_FEW)
    end(studio)
    for _ in range(DEATHS_LIMIT):
        summarise_and_die(studio, gemma)
    assert studio.failures() == []
    for _ in range(2):
        summarize.apply(["m"])
        assert studio.state() == MeetingState.SUMMARIZING
        (failure,) = studio.failures()
        assert (failure.task, failure.arguments, failure.reason) == (queues.SUMMARIZE, ["m"], "worker-lost")
        assert failure.attempts == DEATHS_LIMIT
    with studio.database.write() as session:
        session.get_one(Failure, failure.id).replayed_at = now()
    summarize.apply(["m"])
    assert studio.state() == MeetingState.FINISHED


def test_a_worker_that_died_once_is_forgotten_when_the_work_is_done(studio: Studio, gemma: TextModel) -> None:
    studio.open_meeting()
    write_down(studio, A_FEW)
    end(studio)
    summarise_and_die(studio, gemma)
    assert studio.redis.get("mb:summary-deaths:m") == b"1"
    summarize.apply(["m"])
    assert studio.redis.get("mb:summary-deaths:m") is None
    assert studio.state() == MeetingState.FINISHED
    assert studio.failures() == []
