"""OpenAI's own client, at the real server with real workers behind it."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import openai
import pytest
import soxr
from numpy.typing import NDArray

from schema.core.units import SAMPLE_RATE_HZ
from tests.api.conftest import Api
from tests.hall import Hall, hall, sample_meeting

PROCESSES = ("redis", "migrate", "api", "transcribe", "ingest", "beat")
SPOKEN_S = 16.6
"""The sample meeting's first turns, of two speakers."""


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall(tmp_path_factory.mktemp("openai"), PROCESSES) as opened:
        yield opened


@pytest.fixture
def client_at() -> Iterator[Callable[..., openai.OpenAI]]:
    """Makes clients of a server's address, and a key if it asks for one; all are closed with the test."""
    with ExitStack() as stack:
        yield lambda *where: stack.enter_context(client_of(*where))


@pytest.fixture
def client(served: Hall) -> Iterator[openai.OpenAI]:
    with client_of(served.stack.api_url) as opened:
        yield opened


@pytest.fixture
def client_alone(api: Api) -> Iterator[openai.OpenAI]:
    """At an API without workers."""
    with client_of(api.url) as opened:
        yield opened


def client_of(url: str, key: str = "none is asked for") -> openai.OpenAI:
    http = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=120, http_client=http)


def wav(pcm: bytes, rate_hz: int = SAMPLE_RATE_HZ) -> tuple[str, bytes]:
    """As the client takes a file: its name and its bytes."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate_hz)
        writer.writeframes(pcm)
    return "turns.wav", file.getvalue()


@pytest.fixture(scope="session")
def recording() -> tuple[str, bytes]:
    return wav(sample_meeting(SPOKEN_S))


def at_24_khz(pcm: bytes) -> bytes:
    """PCM16 as OpenAI's realtime clients send it."""
    samples: NDArray[np.int16] = np.frombuffer(pcm, "<i2")
    resampled: bytes = soxr.resample(samples, SAMPLE_RATE_HZ, 24_000).astype("<i2").tobytes()
    return resampled
