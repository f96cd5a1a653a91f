"""A log in JSON has an object a line, with the ids that its message names."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from schema.core.json_logs import JsonLines, json_line

MEETING, TRACK = "0123456789abcdef01234567", "89abcdef0123456701234567"


def written(message: str, *values: object, error: Exception | None = None, **extra: object) -> dict[str, Any]:
    info = None if error is None else (type(error), error, None)
    record = logging.LogRecord("workers.x", logging.WARNING, "x.py", 1, message, values, info)
    record.__dict__.update(extra)
    line = JsonLines(lambda: {"task": "minutebook.transcribe"}).format(record)
    assert "\n" not in line
    read: dict[str, Any] = json.loads(line)
    return read


def test_a_line_has_time_level_logger_message_ids_and_task() -> None:
    line = written("meeting %s, track %s: “Élodie” waits", MEETING, TRACK, session="secret")
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "workers.x",
        "message": f"meeting {MEETING}, track {TRACK}: “Élodie” waits",
        "meeting": MEETING,
        "track": TRACK,
        "task": "minutebook.transcribe",
    }


def test_a_traceback_is_one_line() -> None:
    line = written("this step failed", error=ValueError("two\nlines"))
    assert line["exc_info"].endswith("ValueError: two\nlines")


@pytest.mark.parametrize("printed", ["Ready to accept connections", "{", "[1]", '{"a": ', ""])
def test_what_another_program_prints_becomes_a_message(printed: str) -> None:
    line = json.loads(json_line("redis", printed))
    assert (line["process"], line["message"]) == ("redis", printed)
    assert line["time"]


def test_a_line_of_json_gets_the_name_of_its_process() -> None:
    assert json.loads(json_line("api", '{"message": "x", "level": "INFO"}')) == {
        "process": "api",
        "message": "x",
        "level": "INFO",
    }
