"""Recordings through everything that a user runs."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
import soundfile

from schema.core.units import SAMPLE_RATE_HZ
from tests.running_stack import RunningStack, sample_meeting
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

LONG_S = (150.0, 160.0, 170.0)


def wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.frombuffer(pcm, "<i2"), SAMPLE_RATE_HZ, format="WAV")
    return file.getvalue()


def upload(http: httpx.Client, end_s: float) -> str:
    """Upload the first seconds of the sample meeting. Returns the id of the upload."""
    files = {"file": ("long.wav", wav(sample_meeting(end_s)))}
    made: str = http.post("uploads", files=files).raise_for_status().json()["id"]
    return made


def state(http: httpx.Client, upload_id: str) -> str:
    found: str = http.get(f"uploads/{upload_id}").raise_for_status().json()["state"]
    return found


def test_a_short_recording_that_somebody_waits_for_is_answered_before_long_ones_end(running: RunningStack) -> None:
    with httpx.Client(base_url=f"{running.stack.api_url}/v1/", trust_env=False, timeout=300) as http:
        long = [upload(http, end_s) for end_s in LONG_S]
        wait_until(
            "all long recordings are in work",
            lambda: {state(http, each) for each in long},
            lambda states: states <= {"decoding", "transcribing"},
        )
        asked = {"file": ("short.wav", wav(sample_meeting(8.0)))}
        answer = http.post("audio/transcriptions", files=asked, data={"model": "whisper-1"}).raise_for_status()
        assert len(answer.json()["text"].split()) > 5
        assert "finished" not in {state(http, each) for each in long}
        for each in long:
            http.delete(f"uploads/{each}").raise_for_status()
