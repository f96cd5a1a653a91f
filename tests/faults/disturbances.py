"""The kinds of fault that kill no process in the middle of its work, and the parts that they are made of."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
from celery import Celery
from redis import Redis
from sqlalchemy import text

from schema.core import queues
from schema.core.database import Database
from schema.core.errors import MailboxMissing
from schema.core.states import MeetingState
from schema.core.units import BYTES_PER_SAMPLE, samples_of_s
from schema.mailbox import Keys, Mailbox
from schema.meetings.tables import Meeting, Segment
from tests.faults.kinds import Kind, Site, pid_of
from tests.faults.load import parts
from tests.waiting import wait_until

LOCK_WAIT_S = 0.3
"""Much longer than a transaction, and much shorter than other processes wait for the lock."""
FAULT_S = 4.0
"""How long a fault lasts that has a length. It is longer than a lease of the campaign."""
HOUR_MS = 3_600_000


@contextmanager
def paused(pid: int) -> Iterator[int]:
    """Pause the process until the end of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until("the process is paused", psutil.Process(pid).status, lambda status: status == psutil.STATUS_STOPPED)
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def is_locked(database: Database) -> bool:
    """Whether a process holds SQLite's only lock for writers.

    A worker that is paused inside a transaction keeps that lock until it resumes, so no other worker can take over.
    """
    path = database.url.database
    assert path is not None
    if database.url.get_backend_name() != "sqlite":
        return False
    with closing(sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            return True
        connection.execute("ROLLBACK")
        return False


def is_held_by(mailbox: Mailbox, track_id: str, pid: int) -> bool:
    """Whether process *pid* still holds the track. Its step may have ended before it was paused."""
    status = mailbox.status(track_id)
    return status.lease_ms is not None and pid_of(status) == pid


def wait_until_overtaken(mailbox: Mailbox, track_id: str) -> None:
    """Wait until another worker has claimed the track and committed."""
    before = mailbox.status(track_id)
    wait_until(
        "another worker claims the track", lambda: mailbox.status(track_id).epoch, lambda epoch: epoch > before.epoch
    )
    wait_until(
        "the other worker commits",
        lambda: mailbox.status(track_id).committed_sample,
        lambda sample: sample > before.committed_sample,
    )


def fill(folder: Path) -> Path:
    """Write a file that takes all free space."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return ballast


def _worker_frozen(site: Site) -> None:
    """A worker stops longer than its lease, and resumes after another has taken its track."""
    while True:
        track_id, status = site.held_track()
        with paused(pid_of(status)) as pid:
            if is_held_by(site.running.mailbox, track_id, pid) and not is_locked(site.running.database):
                wait_until_overtaken(site.running.mailbox, track_id)
                return


def _valkey_frozen(site: Site) -> None:
    with paused(site.stack.pids("redis")[-1]):
        time.sleep(FAULT_S)


def _connections_cut(site: Site) -> None:
    for _ in range(3):
        for kind in ("normal", "pubsub"):
            site.running.redis.client_kill_filter(_type=kind, skipme=True)
        time.sleep(0.5)


def _disk_full(site: Site) -> None:
    assert site.small_disk is not None
    ballast = fill(site.small_disk)
    try:
        time.sleep(FAULT_S)
    finally:
        ballast.unlink()


def _clock_back(site: Site) -> None:
    site.running.redis.hincrby(Keys(0).of_shard[0], "offset", -HOUR_MS)


def _database_locked(site: Site) -> None:
    """No process can write for a while."""
    with locked(site.running.database):
        time.sleep(FAULT_S)


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Hold SQLite's lock for writers, or PostgreSQL's locks of the tables that every commit changes."""
    if database.url.get_backend_name() == "sqlite":
        path = database.url.database
        assert path is not None
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
    else:
        with database.write() as session:
            session.execute(text("LOCK TABLE meetings, tracks, segments IN EXCLUSIVE MODE"))
            yield


def _tasks_twice(site: Site) -> None:
    """Every task is sent twice more than it is due, for every meeting."""
    tasks = [
        (queues.TRANSCRIBE, ["0"], queues.TRANSCRIBE_QUEUE),
        (queues.SWEEP, [], queues.TRANSCRIBE_QUEUE),
        (queues.INGEST, [""], queues.INGEST_QUEUE),
        (queues.DELIVER, [], queues.INGEST_QUEUE),
        *((queues.SUMMARIZE, [each], queues.SUMMARIZE_QUEUE) for each in site.load.meeting_ids),
    ]
    with Celery(broker=site.stack.redis_url, set_as_current=False) as sender:
        for task, arguments, queue in 2 * tasks:
            sender.send_task(task, arguments, queue=queue, ignore_result=True)


def _wake_ups_lost(site: Site) -> None:
    ends_s = time.monotonic() + FAULT_S
    while time.monotonic() < ends_s:
        site.running.redis.delete(*queues.QUEUES)
        time.sleep(0.02)


def _messages_late_and_twice(site: Site) -> None:
    """Messages are taken from the queues for a while; then all of them arrive at once, each twice."""
    kept: list[tuple[str, bytes]] = []
    ends_s = time.monotonic() + FAULT_S
    while time.monotonic() < ends_s:
        for queue in queues.QUEUES:
            kept.extend((queue, message) for message in _take_all(site.running.redis, queue))
        time.sleep(0.02)
    for queue, message in 2 * kept:
        site.running.redis.lpush(queue, message)


def _take_all(redis: Redis, queue: str) -> list[bytes]:
    """Take all messages out of a queue, oldest first."""
    with redis.pipeline() as both:
        both.lrange(queue, 0, -1)
        both.delete(queue)
        messages: list[bytes] = both.execute()[0]
    return messages[::-1]


def _audio_sent_again(site: Site) -> None:
    """A second producer of each live meeting sends all audio that was received, from the beginning."""
    size = samples_of_s(5) * BYTES_PER_SAMPLE
    with httpx.Client(trust_env=False, timeout=60) as client:
        for meeting, pcm in zip(site.load.live, parts(), strict=True):
            url = f"{site.stack.api_url}/v1/meetings/{meeting.meeting_id}/audio"
            try:
                received = site.running.status(meeting).received_sample * BYTES_PER_SAMPLE
            except MailboxMissing:
                continue
            for at in range(0, received, size):
                piece = pcm[at : min(at + size, received)]
                client.post(url, params={"first_sample": at // BYTES_PER_SAMPLE}, content=piece)


def _out_of_memory(site: Site) -> None:
    """The kernel frees memory: it kills every process with a speech model during a step."""
    site.held_track()
    _, *pool = site.stack.pids("transcribe")
    for pid in pool:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _api_restarted(site: Site) -> None:
    site.stack.kill("api", signal.SIGTERM)


def _slow_steps(site: Site) -> None:
    """The model is several times slower for a while, because its processes get no processor most of the time."""
    ends_s = time.monotonic() + 2 * FAULT_S
    while time.monotonic() < ends_s:
        with ExitStack() as all_paused:
            for pid in site.stack.pids("transcribe")[1:]:
                with suppress(psutil.NoSuchProcess, ProcessLookupError):
                    all_paused.enter_context(paused(pid))
            time.sleep(0.3)
        time.sleep(0.1)


def _deletion(site: Site) -> None:
    """A further meeting is deleted while it is streamed and transcribed. Nothing of it may stay."""
    meeting = site.running.create(main=parts()[0])
    site.running.start_streaming(meeting, speed=2.0)
    site.running.wait_until_claimed(meeting)
    track_id = site.running.track_id(meeting)
    httpx.delete(
        f"{site.stack.api_url}/v1/meetings/{meeting.meeting_id}", trust_env=False, timeout=60
    ).raise_for_status()
    assert meeting.streaming is not None
    meeting.streaming.exception()  # its client is told that the meeting has gone

    def left() -> list[str]:
        names = (meeting.meeting_id, track_id)
        keys = [key.decode() for key in site.running.redis.scan_iter(count=1000)]
        found = [key for key in keys if any(name in key for name in names) and site.running.redis.ttl(key) == -1]
        with site.running.database.read() as session:
            state = session.get_one(Meeting, meeting.meeting_id).state
            texts = session.query(Segment).filter(Segment.meeting_id == meeting.meeting_id).count()
        return [*found, *([] if state == MeetingState.DELETED else [state]), *(["segments"] if texts else [])]

    wait_until("nothing of a deleted meeting is left", left, lambda found: not found)


DISTURBANCES = (
    Kind("worker-frozen", "a worker stops for longer than its lease, and resumes", _worker_frozen),
    Kind("valkey-frozen", "Valkey does not answer for 4 s", _valkey_frozen),
    Kind("connections-cut", "all connections to Valkey are cut, three times", _connections_cut),
    Kind("disk-full", "the disk of the data folder is full for 4 s", _disk_full, needs_small_disk=True),
    Kind("clock-back", "the clock of the mailboxes is set back an hour", _clock_back),
    Kind("database-locked", "nobody can write to the database for 4 s", _database_locked),
    Kind("tasks-twice", "every task is sent twice more", _tasks_twice),
    Kind("messages-lost", "all messages of 4 s are lost", _wake_ups_lost),
    Kind("messages-late", "all messages of 4 s come late and twice", _messages_late_and_twice),
    Kind("audio-again", "producers send all audio again", _audio_sent_again),
    Kind("out-of-memory", "all transcribe processes are killed during a step", _out_of_memory),
    Kind("api-restarted", "the API is restarted in order while clients are connected", _api_restarted, ("api",)),
    Kind("slow-steps", "the transcribe processes get a quarter of the time for 8 s", _slow_steps),
    Kind("deletion", "a meeting is deleted while it is transcribed", _deletion),
)
