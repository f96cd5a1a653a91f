"""Waiting for processes, which says in words what it waits for, so that a slow start is not silent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from deploy.readiness import ReadinessCheck
from deploy.service import Service
from schema.core.errors import Unavailable

FIRST_S = 2.0
EVERY_S = 10.0
POLL_S = 0.1
SETTLED_S = 0.5
"""A process without a check counts as ready after this time."""
EARLY_ENDS_LIMIT = 3
"""A process that ends this often before it was ever ready will not recover by itself."""
LOAD_MODELS = frozenset({"transcribe", "summarize"})


class Waiting:
    """Says which processes are not ready: first after FIRST_S, then every EVERY_S.

    *say* gets each line. *clock_s* is a monotonic clock.
    """

    def __init__(self, say: Callable[[str], None], clock_s: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock_s = clock_s
        self._began_s = clock_s()
        self._due_s = self._began_s + FIRST_S

    def look(self, names: Callable[[], Sequence[str]]) -> None:
        """Say what is awaited if it is time to. *names* is called only then, since its checks take a while."""
        if self._clock_s() < self._due_s:
            return
        awaited = names()
        now_s = self._clock_s()
        self._due_s = now_s + EVERY_S
        if awaited:
            self._say(f"waiting for {in_words(awaited)}; {now_s - self._began_s:.0f} s")


def in_words(names: Sequence[str]) -> str:
    """The processes, and why it takes long.

    For example `transcribe, summarize: they load their models; the first start also unpacks them`.
    """
    text = ", ".join(names)
    loading = [name for name in names if name in LOAD_MODELS]
    if not loading:
        return text
    if len(loading) == 1:
        who = "it" if len(names) == 1 else loading[0]
        return f"{text}: {who} loads its model; the first start also unpacks it"
    who = "they" if len(names) == len(loading) else " and ".join(loading)
    return f"{text}: {who} load their models; the first start also unpacks them"


def wait_until_ready(
    services: Sequence[Service], checks: Mapping[str, ReadinessCheck], limit_s: float, say: Callable[[str], None]
) -> None:
    """Wait until the *services*, one after another, are ready, each for at most *limit_s*.

    Raises Unavailable, with the last lines of the log, if one keeps ending or is not ready in time.
    """

    def is_ready(service: Service) -> bool:
        check = checks.get(service.name, lambda: service.runs_for_s >= SETTLED_S)
        return service.running and check()

    def not_ready() -> list[str]:
        with ThreadPoolExecutor(len(services)) as pool:  # a check takes up to a second
            return [each.name for each, ready in zip(services, pool.map(is_ready, services), strict=True) if not ready]

    waiting = Waiting(say)
    for service in services:
        give_up_s, crashes = time.monotonic() + limit_s, service.crashes
        while not is_ready(service):
            if service.crashes - crashes >= EARLY_ENDS_LIMIT:
                raise Unavailable(f"{service.name} ended {EARLY_ENDS_LIMIT} times while starting; {service.explain()}")
            if time.monotonic() > give_up_s:
                raise Unavailable(f"{service.name} is not ready after {limit_s:g} s; {service.explain()}")
            waiting.look(not_ready)
            time.sleep(POLL_S)


def wait_until_ended(service: Service, say: Callable[[str], None]) -> None:
    """Wait for the end of a process that runs once."""
    waiting = Waiting(say)
    while service.running:
        waiting.look(lambda: [service.name])
        time.sleep(POLL_S)
