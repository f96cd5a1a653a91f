"""Where people find Flower, Celery's dashboard of all tasks."""

from __future__ import annotations

import threading
import time

import httpx

ANSWER_LIMIT_S = 0.5
ASKED_EVERY_S = 15.0


class FlowerFinder:
    """Knows the address of Flower: *url* if that is set, else the Flower of this machine while it answers."""

    def __init__(self, url: str, port: int) -> None:
        self._url = url
        self._here = f"http://127.0.0.1:{port}"
        self._answers = False
        self._asked_s: float | None = None
        self._lock = threading.Lock()

    def url(self) -> str | None:
        """Blocks for at most half a second, and only from time to time."""
        if self._url:
            return self._url
        with self._lock:
            now_s = time.monotonic()
            if self._asked_s is None or now_s - self._asked_s >= ASKED_EVERY_S:
                self._answers, self._asked_s = self._ask(), now_s
            return self._here if self._answers else None

    def _ask(self) -> bool:
        try:
            return httpx.get(f"{self._here}/healthcheck", timeout=ANSWER_LIMIT_S, trust_env=False).is_success
        except httpx.HTTPError:
            return False
