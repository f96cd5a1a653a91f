from __future__ import annotations

import contextlib
import io
import json
import os
import re
import stat
from pathlib import Path

import pytest

from deploy import output
from deploy.output import Output, StackLog, Terminal

OWN_TIMES = {
    "[2026-11-30 02:17:39,530: WARNING/ForkPoolWorker-1] late": "[WARNING/ForkPoolWorker-1] late",
    "[I 261130 02:16:09 mixins:228] Connected": "[I mixins:228] Connected",
    "5983:M 30 Nov 2026 02:15:50.871 # Warning": "5983:M # Warning",
    "5983:signal-handler (1796008139) Received SIGTERM": "5983:signal-handler Received SIGTERM",
    "11:C 01 Dec 2026 00:00:00.000 * Fork": "11:C * Fork",
}
LOGS = ("api.log", "stack.log")
OTHER_LINES = ("INFO:     127.0.0.1 - GET /", "2026-11-30 02:17:39,530 is in the text", "[I think] 261130 02:16:09", "")


def test_a_line_goes_to_its_file_and_to_the_terminal_with_time_and_process_name(tmp_path: Path) -> None:
    shown = io.StringIO()
    stack_log = StackLog(tmp_path, Terminal(shown))
    lines = Output("api", tmp_path, stack_log)
    lines.line("listening")
    lines.close()
    stack_log.close()
    assert re.fullmatch(r"\d\d:\d\d:\d\d        api \| listening\n", shown.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} listening\n", (tmp_path / "api.log").read_text())


def test_the_log_of_the_stack_has_the_lines_of_all_processes_with_time_and_name(tmp_path: Path) -> None:
    stack_log = StackLog(tmp_path, None)
    for name in ("api", "transcribe"):
        lines = Output(name, tmp_path, stack_log)
        lines.line(f"{name} listens")
        lines.close()
    stack_log.line("stack", "ready")
    stack_log.close()
    written = (tmp_path / "stack.log").read_text().splitlines()
    assert [line[24:].strip() for line in written] == [
        "api | api listens",
        "transcribe | transcribe listens",
        "stack | ready",
    ]
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", line) for line in written)


def test_logs_in_json_have_an_object_a_line_with_the_process(tmp_path: Path) -> None:
    stack_log = StackLog(tmp_path, None, as_json=True)
    lines = Output("api", tmp_path, stack_log, as_json=True)
    lines.line('{"level": "INFO", "message": "listening"}')
    lines.line("a line of another program")
    lines.close()
    stack_log.line("stack", "ready")
    stack_log.close()
    own, of_all = ([json.loads(line) for line in (tmp_path / name).read_text().splitlines()] for name in LOGS)
    assert own[0] == {"process": "api", "level": "INFO", "message": "listening"}
    assert [(each["process"], each["message"]) for each in of_all] == [
        ("api", "listening"),
        ("api", "a line of another program"),
        ("stack", "ready"),
    ]


@pytest.mark.parametrize(("printed", "logged"), [*OWN_TIMES.items(), *((line, line) for line in OTHER_LINES)])
def test_a_line_has_one_time_also_if_the_process_writes_one(tmp_path: Path, printed: str, logged: str) -> None:
    source, sink = os.pipe()
    lines = Output("api", tmp_path, None)
    reader = lines.follow(os.fdopen(source, "rb"))
    with os.fdopen(sink, "w") as stream:
        stream.write(f"{printed}\n")
    reader.join()
    lines.close()
    assert list(lines.tail) == [logged]
    assert (tmp_path / "api.log").read_text()[24:] == f"{logged}\n"


def test_log_files_are_rotated_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "FILE_LIMIT_BYTES", 1000)
    stack_log = StackLog(tmp_path, None)
    lines = Output("api", tmp_path, stack_log)
    for number in range(500):
        lines.line(f"line {number}")
    lines.close()
    stack_log.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == [f"{name}.log{old}" for name in ("api", "stack") for old in ("", ".1", ".2")]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    for name in ("api", "stack"):
        assert "line 499" in (tmp_path / f"{name}.log").read_text()


def test_invalid_utf8_and_control_characters_are_replaced_and_endless_lines_are_cut(tmp_path: Path) -> None:
    source, sink = os.pipe()
    lines = Output("api", tmp_path, None)
    reader = lines.follow(os.fdopen(source, "rb"))
    with os.fdopen(sink, "wb") as stream:
        stream.write(b"\x1b[2Jcaf\xe9\tx\n" + b"x" * (output.LINE_LIMIT_BYTES + 10))
    reader.join()
    lines.close()
    assert lines.tail[0] == "\ufffd[2Jcaf\ufffd x"
    assert [len(line) for line in lines.tail][1:] == [output.LINE_LIMIT_BYTES, 10]


def test_lines_still_go_to_the_file_when_the_terminal_has_closed(tmp_path: Path) -> None:
    source, sink = os.pipe()
    os.close(source)
    with os.fdopen(sink, "w", buffering=1) as closed:
        stack_log = StackLog(tmp_path, Terminal(closed))
        lines = Output("api", tmp_path, stack_log)
        lines.line("one")
        lines.line("two")
        lines.close()
        stack_log.close()
        with contextlib.suppress(BrokenPipeError):
            closed.close()
    assert "two" in (tmp_path / "api.log").read_text()


def test_a_full_disk_is_named_once_and_the_lines_that_it_lost_are_counted(tmp_path: Path) -> None:
    shown = io.StringIO()
    (tmp_path / "api.log").symlink_to("/dev/full")
    stack_log = StackLog(tmp_path, Terminal(shown))
    lines = Output("api", tmp_path, stack_log)
    for number in range(100):
        lines.line(f"line {number}")
    (tmp_path / "api.log").unlink()
    lines.line("the disk has room again")
    lines.close()
    stack_log.close()
    assert shown.getvalue().count(f"the disk of {tmp_path} is full (No space left on device); free some space") == 1
    assert shown.getvalue().count("\n") == 102
    written = (tmp_path / "api.log").read_text().splitlines()
    assert [line[24:] for line in written] == [
        "the disk has room again",
        "100 lines before this one were not written; the disk took none",
    ]


def test_only_the_owner_can_read_a_log(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Output("api", tmp_path, None).close()
        StackLog(tmp_path, None).close()
    finally:
        os.umask(before)
    for name in ("api", "stack"):
        assert stat.S_IMODE((tmp_path / f"{name}.log").stat().st_mode) == 0o600


def test_a_log_of_the_stack_that_cannot_be_written_is_named_once_and_keeps_no_line_from_the_terminal(
    tmp_path: Path,
) -> None:
    shown = io.StringIO()
    (tmp_path / "stack.log").symlink_to("/dev/full")
    stack_log = StackLog(tmp_path, Terminal(shown))
    for number in range(10):
        stack_log.line("api", f"line {number}")
    stack_log.close()
    assert shown.getvalue().count(f"until then {tmp_path / 'stack.log'} gets no lines") == 1
    assert shown.getvalue().count("api | line") == 10
