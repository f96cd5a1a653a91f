"""The command against a complete stack: real processes, real weights, real speech."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.client.audio_source import read_file
from deploy.supervisor import Stack
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ
from tests.waiting import wait_until

pytestmark = pytest.mark.model

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "deploy" / "demo" / "meeting.flac"
PROCESSES = ("redis", "migrate", "api", "transcribe", "summarize", "ingest", "beat")
LIMIT_S = 200


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    models = os.environ.get("MINUTEBOOK_MODEL_DIR", str(ROOT / "var" / "models"))
    folder = tmp_path_factory.mktemp("stack")
    with Stack(folder, environment={"MINUTEBOOK_MODEL_DIR": models}, processes=PROCESSES) as running:
        yield running


@pytest.fixture(scope="module")
def speech() -> bytes:
    """The first 25 s of the sample meeting."""
    return read_file(SAMPLE)[: 25 * SAMPLE_RATE_HZ * BYTES_PER_SAMPLE]


def _start(stack: Stack, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "MINUTEBOOK_URL": stack.api_url, "MINUTEBOOK_DATA_DIR": str(stack.data_dir)}
    environment |= {"COLUMNS": "200", "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-m", "api.cli", *arguments], env=environment, **pipes)  # type: ignore[call-overload, no-any-return]


def _run(stack: Stack, *arguments: str, stdin: bytes = b"") -> str:
    command = _start(stack, *arguments)
    out, err = command.communicate(stdin, timeout=LIMIT_S)
    assert command.returncode == 0, err.decode()
    return out.decode()


@pytest.fixture(scope="module")
def events(stack: Stack, speech: bytes) -> list[dict[str, object]]:
    """The events that `live - --json` prints for the start of the sample meeting."""
    out = _run(stack, "live", "-", "--json", "--speed", "0", "--title", "Launch", stdin=speech)
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture(scope="module")
def meeting_id(events: list[dict[str, object]]) -> str:
    assert events[0]["type"] == "meeting"
    return str(events[0]["data"]["id"])  # type: ignore[index]


def test_live_json_prints_every_event_up_to_the_final_minutes(events: list[dict[str, object]]) -> None:
    kinds = [event["type"] for event in events]
    assert {"state", "ack", "segment", "coverage", "minutes"} <= set(kinds)
    finals = [event["data"] for event in events if event["type"] == "minutes"]
    assert finals[-1]["kind"] == "final"  # type: ignore[index]
    assert events[-1]["data"] == {"state": "finished"}


@pytest.mark.parametrize(
    ("form", "shape"),
    [
        ("md", r"# Launch"),
        ("json", r'"launch|three points'),
        ("txt", r"(?i)good morning"),
        ("srt", r"1\n00:00:0\d,\d\d\d --> "),
        ("vtt", r"WEBVTT\n"),
    ],
)
def test_show_prints_a_meeting_in_every_format(stack: Stack, meeting_id: str, form: str, shape: str) -> None:
    assert re.search(shape, _run(stack, "show", meeting_id, "--format", form))


def test_list_prints_length_state_and_title_of_a_meeting(stack: Stack, meeting_id: str) -> None:
    line = next(line for line in _run(stack, "list").splitlines() if meeting_id in line)
    assert "0:25" in line
    assert "finished" in line
    assert "Launch" in line
    listed = [json.loads(each) for each in _run(stack, "list", "--json").splitlines()]
    assert meeting_id in {each["id"] for each in listed}


def test_live_prints_lines_of_text_and_the_final_minutes(stack: Stack, speech: bytes) -> None:
    out = _run(stack, "live", "-", "--speed", "0", "--speaker", "Ann", stdin=speech)
    assert re.search(r"0:0\d +Ann: Good morning", out)
    assert "Final minutes" in out
    assert "25.0 s received: " in out
    assert "pending" not in out


def test_an_interrupt_finishes_the_meeting(stack: Stack, speech: bytes) -> None:
    with _start(stack, "live", "-", "--json") as command:
        assert command.stdin is not None
        assert command.stdout is not None
        stdout = command.stdout
        command.stdin.write(speech[: 3 * SAMPLE_RATE_HZ * BYTES_PER_SAMPLE])
        command.stdin.flush()
        wait_until(
            "audio is acknowledged",
            lambda: json.loads(stdout.readline()),
            lambda event: event["type"] == "ack",
            poll_s=0,
        )
        command.send_signal(signal.SIGINT)
        out = stdout.read()  # the command ends while its input is still open
        assert command.wait(LIMIT_S) == 0
    assert json.loads(out.splitlines()[-1])["data"] == {"state": "finished"}


def test_a_wrong_header_creates_no_meeting_and_a_later_fault_finishes_it(stack: Stack, speech: bytes) -> None:
    before = _run(stack, "list", "--json")
    wrong = _start(stack, "live", "-")
    header = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 44_100, 88_200, 2, 16)
    assert b"44100 Hz" in wrong.communicate(header, LIMIT_S)[1]
    assert (wrong.returncode, _run(stack, "list", "--json")) == (2, before)

    odd = _start(stack, "live", "-", "--speed", "0", "--json")
    out, err = odd.communicate(speech[: 2 * SAMPLE_RATE_HZ * BYTES_PER_SAMPLE + 1], LIMIT_S)
    assert b"middle of a sample" in err
    assert odd.returncode == 2
    assert json.loads(out.splitlines()[-1])["data"] == {"state": "finished"}
    assert json.loads(_run(stack, "list", "--json").splitlines()[0])["coverage"]["received_s"] == 2


def test_the_doctor_finds_no_fault_in_a_running_stack(stack: Stack) -> None:
    command = _start(stack, "doctor")
    out, _ = command.communicate(timeout=LIMIT_S)
    assert "fail" not in out.decode()
    assert "queue transcribe: transcribe@" in out.decode()
    assert command.returncode == 0


def test_finish_ends_a_meeting_and_a_deleted_meeting_cannot_be_shown(stack: Stack, meeting_id: str) -> None:
    assert meeting_id in _run(stack, "finish", meeting_id)
    _run(stack, "delete", meeting_id, "--yes")
    command = _start(stack, "show", meeting_id)
    _, err = command.communicate(timeout=LIMIT_S)
    assert command.returncode == 1
    assert err.decode().startswith("error: ")
    assert "deleted" in err.decode()


def test_up_is_refused_where_a_stack_already_runs(stack: Stack) -> None:
    command = _start(stack, "up")
    _, err = command.communicate(timeout=LIMIT_S)
    assert command.returncode == 1
    assert "is already using" in err.decode()
