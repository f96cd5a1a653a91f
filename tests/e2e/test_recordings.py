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


def test_a_short_recording_that_somebody_waits_for_is_answered_before_long_ones_end(running: RunningStack) -> None:
    with httpx.Client(base_url=f"{running.stack.api_url}/v1/", trust_env=False, timeout=300) as http:

        def state(upload: str) -> str:
            found: str = http.get(f"uploads/{upload}").raise_for_status().json()["state"]
            return found

        long = [
            http.post("uploads", files={"file": ("long.wav", wav(sample_meeting(end_s)))})
            .raise_for_status()
            .json()["id"]
            for end_s in LONG_S
        ]
        wait_until(
            "all long recordings are in work",
            lambda: {state(upload) for upload in long},
            lambda states: states <= {"decoding", "transcribing"},
        )
        asked = {"file": ("short.wav", wav(sample_meeting(8.0)))}
        answer = http.post("audio/transcriptions", files=asked, data={"model": "whisper-1"}).raise_for_status()
        assert len(answer.json()["text"].split()) > 5
        assert "finished" not in {state(upload) for upload in long}
        for upload in long:
            http.delete(f"uploads/{upload}").raise_for_status()
