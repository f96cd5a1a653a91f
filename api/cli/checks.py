"""The checks of `minutebook doctor`. Each examines one part, and reports its health and the remedy for a fault."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis, RedisError, ResponseError
from redis.backoff import NoBackoff
from redis.retry import Retry

from api.cli.findings import Check, Finding, Health
from api.cli.model_checks import endpoint, endpoint_use, kernels, models
from schema.core import migrate
from schema.core.database import Database, check_writable
from schema.core.errors import MinutebookError
from schema.core.queues import QueueLength, queue_length, served_queues
from schema.core.settings import Settings
from schema.fleet.orders import asked_of, paused_queues
from schema.fleet.registry import seen_workers
from schema.fleet.wire import WorkerRecord

QUESTION_S = 2.0
LONG_WAIT_S = 60.0
OLDEST_REDIS = (7, 0)
DISK_FAIL_BYTES = 500 * 1000**2
DISK_WARN_BYTES = 5 * 1000**3


def redis(config: Settings) -> Iterator[Finding]:
    """Whether Redis is reachable, recent enough and durable, and never evicts data."""
    try:
        with _client(config) as client:
            facts, options = client.info(), _options(client)
    except (RedisError, ValueError) as error:
        remedy = "start everything with 'minutebook up', or set MINUTEBOOK_REDIS_URL"
        yield Finding("redis", Health.FAIL, f"no answer ({error})", remedy)
        return
    name = "Valkey" if "valkey_version" in facts else "Redis"
    version = str(facts.get("valkey_version", facts["redis_version"]))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        remedy = "install Redis 7.0 or Valkey 7.2, or a later version"
        yield Finding("redis", Health.FAIL, f"{name} {version} is too old", remedy)
    else:
        yield Finding("redis", Health.OK, f"{name} {version}")
    if options is None:
        yield Finding("redis", Health.WARN, "does not show its configuration", "check that its append-only file is on")
    else:
        yield _durable(options)
        yield _keeping(options)


def _client(config: Settings) -> Redis:
    return Redis.from_url(
        config.redis_url, socket_timeout=QUESTION_S, socket_connect_timeout=QUESTION_S, retry=Retry(NoBackoff(), 0)
    )


def _options(client: Redis) -> dict[Any, Any] | None:
    """Return the options, or None if the server forbids CONFIG, as hosted servers do."""
    try:
        return dict(client.config_get("appendonly", "maxmemory-policy"))
    except ResponseError:
        return None


def _durable(options: dict[Any, Any]) -> Finding:
    if options.get("appendonly") == "yes":
        return Finding("redis", Health.OK, "append-only file is on: audio survives a crash of the server")
    remedy = "set 'appendonly yes' in its configuration"
    return Finding(
        "redis", Health.WARN, "append-only file is off: a crash loses audio that is not transcribed yet", remedy
    )


def _keeping(options: dict[Any, Any]) -> Finding:
    policy = options.get("maxmemory-policy", "noeviction")
    if policy == "noeviction":
        return Finding("redis", Health.OK, "memory policy noeviction")
    remedy = "set 'maxmemory-policy noeviction' in its configuration"
    return Finding("redis", Health.FAIL, f"memory policy {policy} discards audio when memory is short", remedy)


def database(config: Settings) -> Iterator[Finding]:
    """Whether the database is reachable, writable, and at the revision that the code needs."""
    remedy = "run 'minutebook db upgrade' ('minutebook up' does this by itself)"
    if config.sql_url.startswith("sqlite:///") and not Path(config.sql_url.removeprefix("sqlite:///")).exists():
        yield Finding("database", Health.WARN, f"{config.sql_url} does not exist yet", remedy)
        return
    try:
        opened = Database(config.sql_url)
        try:
            at, needed = migrate.current(opened), migrate.head()
            if at == needed:
                check_writable(opened)
        finally:
            opened.close()
    except MinutebookError as error:
        yield Finding("database", Health.FAIL, error.detail)
        return
    shown = opened.url.render_as_string(hide_password=True)
    if at == needed:
        yield Finding("database", Health.OK, f"{shown} is at revision {at}")
    else:
        yield Finding("database", Health.FAIL, f"{shown} is at revision {at or 'none'}, but {needed} is needed", remedy)


def gpu(config: Settings) -> Iterator[Finding]:
    """A GPU is optional, unless a setting asks for one."""
    wanted = any(device.startswith("cuda") for device in (config.asr_device, config.summary_device))
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        if wanted:
            remedy = "install the NVIDIA driver, or set MINUTEBOOK_ASR_DEVICE and MINUTEBOOK_SUMMARY_DEVICE to auto"
            yield Finding("GPU", Health.FAIL, "the settings ask for cuda, but nvidia-smi finds no GPU", remedy)
        else:
            yield Finding("GPU", Health.OK, "none; models run on the CPU")
        return
    yield Finding("GPU", Health.OK, "; ".join(listed.stdout.strip().splitlines()))


def disk(config: Settings) -> Iterator[Finding]:
    folder = next(each for each in (config.data_dir, *config.data_dir.parents) if each.exists())
    free = shutil.disk_usage(folder).free
    text = f"{free / 1000**3:.1f} GB free for {config.data_dir}"
    remedy = "free some space, or set MINUTEBOOK_DATA_DIR to a larger disk"
    if free < DISK_FAIL_BYTES:
        yield Finding("disk", Health.FAIL, text, remedy)
    elif free < DISK_WARN_BYTES:
        yield Finding("disk", Health.WARN, text, remedy)
    else:
        yield Finding("disk", Health.OK, text)


def ports(config: Settings) -> Iterator[Finding]:
    """Whether the API answers, or its port is free."""
    address = f"{config.api_host}:{config.api_port}"
    if not _is_taken(config.api_host, config.api_port):
        remedy = "start everything with 'minutebook up'"
        yield Finding("API", Health.WARN, f"nothing listens on {address}", remedy)
    elif _answers(f"http://{address}/healthz"):
        yield Finding("API", Health.OK, f"answers at {address}")
    else:
        remedy = "stop that program, or set MINUTEBOOK_API_PORT"
        yield Finding("API", Health.FAIL, f"another program listens on {address}", remedy)


def _is_taken(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=QUESTION_S):
            return True
    except OSError:
        return False


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=QUESTION_S, trust_env=False).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def workers(config: Settings) -> Iterator[Finding]:
    """Whether every queue has a worker that answers, and how many messages wait in it."""
    with Celery(broker=config.redis_url, set_as_current=False) as app:
        try:
            served = app.control.inspect(timeout=QUESTION_S).active_queues() or {}
            with _client(config) as client:
                lengths = {queue: queue_length(client, queue) for queue in served_queues(config.voices)}
                paused, drained = paused_queues(client), _drained_workers(client)
        except (OperationalError, RedisError) as error:
            yield Finding("workers", Health.FAIL, f"cannot be checked: Redis does not answer ({error})")
            return
    for queue, length in lengths.items():
        serving = sorted(node for node, names in served.items() if queue in {each["name"] for each in names})
        at_rest = [each.name for each in drained if queue in each.queues]
        yield _paused(queue, length) if queue in paused else _queue(queue, length, serving, at_rest)


def _drained_workers(client: Redis) -> list[WorkerRecord]:
    seen = [each.record for each in seen_workers(client)]
    asked = asked_of(client, (each.name for each in seen))
    return [each for each in seen if asked[each.name].drained]


def _paused(queue: str, length: QueueLength) -> Finding:
    remedy = f"resume it: 'minutebook workers resume {queue}'"
    return Finding("workers", Health.WARN, f"queue {queue}: paused by somebody; {length.waiting} waiting", remedy)


def _queue(queue: str, length: QueueLength, serving: Sequence[str], drained: Sequence[str]) -> Finding:
    waiting = f"{length.waiting} waiting"
    if length.oldest_s is not None:
        waiting += f", the oldest for {length.oldest_s:.0f} s"
    if not serving and drained:
        text = f"queue {queue}: its workers are drained: {', '.join(drained)}; {waiting}"
        return Finding("workers", Health.WARN, text, f"resume one: 'minutebook workers resume {drained[0]}'")
    if not serving:
        remedy = f"start one: 'minutebook up', or celery -A workers.app worker -Q {queue}"
        return Finding("workers", Health.FAIL, f"queue {queue}: no worker answers; {waiting}", remedy)
    text = f"queue {queue}: {', '.join(serving)}; {waiting}"
    if (length.oldest_s or 0) > LONG_WAIT_S:
        return Finding("workers", Health.WARN, text, f"its workers are busy: start more, or read log/{queue}.log")
    return Finding("workers", Health.OK, text)


CHECKS: tuple[Check, ...] = (redis, database, models, endpoint, endpoint_use, kernels, gpu, disk, ports, workers)
