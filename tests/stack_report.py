"""Describes a running stack from its data folder alone, even when none of its processes answers."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from schema.core.queues import INGEST_QUEUE, SUMMARIZE_QUEUE, TRANSCRIBE_QUEUE
from schema.core.units import s_of_samples
from schema.mailbox import Mailbox

ANSWER_LIMIT_S = 2.0
LOG_LINES = 8
MAILBOX_KEY = re.compile(r"\{mb:\d+\}:t:(?P<track_id>.+):h")


def stack_folders(folder: Path) -> list[Path]:
    """Data folders of the stacks that run below *folder*."""
    return sorted(path.parents[1] for path in folder.glob("**/run/stack.json"))


def describe(data_dir: Path) -> str:
    """Lists processes, queues, mailboxes and last log lines. A part that cannot be read is replaced by the reason."""
    try:
        facts = json.loads((data_dir / "run" / "stack.json").read_text())
    except (OSError, ValueError) as error:
        return f"stack in {data_dir}: {error}"
    return "\n".join(
        [
            f"stack in {data_dir}, API at {facts['api_url']}",
            *_part("processes", lambda: _processes(facts["processes"])),
            *_part("queues and mailboxes", lambda: _redis(facts["redis_url"])),
            *_part("logs", lambda: _logs(data_dir / "log")),
        ]
    )


def _part(name: str, lines: Callable[[], Iterator[str]]) -> list[str]:
    try:
        return [f"  {line}" for line in lines()]
    except Exception as error:  # whatever is wrong with the stack, the other parts must still be listed
        return [f"  {name} cannot be read: {type(error).__name__}: {error}"]


def _processes(marks: dict[str, Any]) -> Iterator[str]:
    for name, mark in marks.items():
        yield f"{name}: {'not running' if mark is None else _process(mark['pid'])}"


def _process(pid: int) -> str:
    try:
        main = psutil.Process(pid)
        family = [main, *main.children(recursive=True)]
        return ", ".join(f"pid {each.pid} {each.status()}, {sum(each.cpu_times()[:2]):.1f} s of CPU" for each in family)
    except psutil.NoSuchProcess:
        return f"pid {pid} has gone"


def _redis(url: str) -> Iterator[str]:
    retry = Retry(NoBackoff(), 0)
    with Redis.from_url(
        url, retry=retry, socket_timeout=ANSWER_LIMIT_S, socket_connect_timeout=ANSWER_LIMIT_S
    ) as client:
        lengths = [f"{name} {client.llen(name)}" for name in (TRANSCRIBE_QUEUE, SUMMARIZE_QUEUE, INGEST_QUEUE)]
        yield f"queues: {', '.join(lengths)}; {client.hlen('unacked')} messages with workers"
        for key in client.scan_iter(match="{mb:*}:t:*:h", count=1000):
            found = MAILBOX_KEY.fullmatch(key.decode())
            if found is not None:
                yield _mailbox(Mailbox(client), found["track_id"])


def _mailbox(mailbox: Mailbox, track_id: str) -> str:
    status = mailbox.status(track_id)
    if status.lease_ms is not None:
        state = f"held by {status.worker} for another {status.lease_ms} ms"
    elif status.due_in_ms is not None:
        state = f"due in {status.due_in_ms} ms"
    else:
        state = "not due"
    return (
        f"mailbox {track_id}: received {s_of_samples(status.received_sample):g} s, "
        f"committed {s_of_samples(status.committed_sample):g} s, epoch {status.epoch}, attempts {status.attempts}, "
        f"{'closed' if status.closed else 'open'}, {state}"
    )


def _logs(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.log")):
        with path.open(errors="replace") as file:
            last = deque(file, LOG_LINES)
        yield f"the last lines of {path}:"
        yield from (f"  | {line.rstrip()}" for line in last)
