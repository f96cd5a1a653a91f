"""The kinds of kill: SIGKILL of each process of a stack, if possible in the middle of its work."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

import psutil

from tests.faults.kinds import Kind, NothingToStrike, Site

WORKERS = ("transcribe", "summarize", "ingest")
ALL = ("redis", "api", *WORKERS, "beat")


def _kill_pid(pid: int) -> None:
    """Kill the process, which may have ended in this moment."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _transcribe_step(site: Site) -> None:
    _kill_pid(site.holder())


def _transcribe(site: Site) -> None:
    site.held_track()
    site.stack.kill("transcribe")


def _summarize(site: Site) -> None:
    def writing() -> list[str]:
        keys = [f"mb:summarizing:{meeting_id}" for meeting_id in site.load.meeting_ids]
        return [key for key in keys if site.running.redis.exists(key)]

    site.wait_for("minutes are being written", writing)
    site.stack.kill("summarize")


def _ingest(site: Site) -> None:
    site.keep_decoding()
    site.stack.kill("ingest")


def _decoder(site: Site) -> None:
    """A file that ends its decoder again and again without any progress fails, as it should. So some must be made."""

    def decoders() -> list[int]:
        site.keep_decoding()  # a decoder may have ended before it was seen
        return _decoders(site) if site.load.samples_of_files() > site.load.decoded_samples else []

    chosen = site.wait_for("a file is being decoded", decoders)
    site.load.decoded_samples = site.load.samples_of_files()
    _kill_pid(site.random.choice(chosen))


def _decoders(site: Site) -> list[int]:
    found = []
    for pid in site.stack.pids("ingest"):
        with suppress(psutil.Error):
            if "workers.ingest.decoder" in psutil.Process(pid).cmdline():
                found.append(pid)
    return found


def _api(site: Site) -> None:
    site.stack.kill("api")


def _beat(site: Site) -> None:
    site.stack.kill("beat")


def _valkey(site: Site) -> None:
    site.held_track()
    site.stack.kill("redis")


def _valkey_emptied(site: Site) -> None:
    """Its data is lost too: mailboxes, messages and Celery's own keys."""
    site.held_track()
    site.running.redis.flushall()
    site.stack.kill("redis")


def _everything(site: Site) -> None:
    site.held_track()
    site.stack.kill_all()


def _supervisor(site: Site) -> None:
    site.held_track()
    site.over_s = time.monotonic()
    site.stack.restart()
    site.running.connect()


def _postgres(site: Site) -> None:
    if site.postgres is None:
        raise NothingToStrike("there is no PostgreSQL")
    site.held_track()
    site.over_s = time.monotonic()
    site.postgres.kill()
    site.postgres.start()


KILLS = (
    Kind("transcribe-step", "a transcribe process in the middle of a step", _transcribe_step, kills=True),
    Kind("transcribe", "the transcribe worker with its pool", _transcribe, ("transcribe",), kills=True),
    Kind("summarize", "the summarize worker while it writes minutes", _summarize, ("summarize",), kills=True),
    Kind("ingest", "the ingest worker", _ingest, ("ingest",), kills=True),
    Kind("decoder", "the decoder of a file", _decoder, kills=True),
    Kind("api", "the API", _api, ("api",), kills=True),
    Kind("beat", "beat, which sends wake-ups and sweeps", _beat, ("beat",), kills=True),
    Kind("valkey", "Valkey", _valkey, ("redis",), kills=True),
    Kind("valkey-emptied", "Valkey, with the loss of all its data", _valkey_emptied, ("redis",), kills=True),
    Kind("everything", "every process but the supervisor", _everything, ALL, kills=True),
    Kind("supervisor", "the supervisor, which is then started again", _supervisor, ALL, kills=True),
    Kind("postgresql", "PostgreSQL", _postgres, kills=True, databases=("postgresql",)),
)
