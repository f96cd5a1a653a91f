"""Logs as JSON, an object a line, for programs that collect them: MINUTEBOOK_LOG_FORMAT=json."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

_NAMED = re.compile(r"\b(meeting|track|upload) ([0-9a-f]{24})\b")
WRITTEN = ("time", "level", "logger", "message", "exc_info")
Facts = Callable[[], dict[str, Any]]


class JsonLines(JsonFormatter):
    """`time`, `level`, `logger` and `message`, the ids that the message names, and what *facts* says of the work."""

    def __init__(self, facts: Facts = dict) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger"},
            json_ensure_ascii=False,
        )
        self._facts = facts

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        # What libraries put into a record is written only where it is known here.
        known = {name: log_data[name] for name in WRITTEN if name in log_data}
        log_data.clear()
        log_data.update(known | dict(_NAMED.findall(record.getMessage())) | self._facts())


def write_json(*loggers: logging.Logger, facts: Facts = dict) -> None:
    """Let the handlers of *loggers*, and what has no handler, write JSON."""
    for handler in (*(handler for logger in loggers for handler in logger.handlers), logging.lastResort):
        if handler is not None:
            handler.setFormatter(JsonLines(facts))


def json_line(process: str, line: str) -> str:
    """*line*, which a process has printed, as JSON with its name. Only a process of ours prints JSON."""
    try:
        read = json.loads(line) if line.startswith("{") else None
    except ValueError:
        read = None
    facts = read if isinstance(read, dict) else {"time": datetime.now(UTC).isoformat(), "message": line}
    return json.dumps({"process": process, **facts}, ensure_ascii=False)
