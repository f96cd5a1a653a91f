from __future__ import annotations

import contextlib
import io
import os
import stat
from pathlib import Path

import pytest

from deploy import output
from deploy.output import Output, Terminal


def test_a_line_goes_to_its_file_and_to_the_terminal_with_the_process_name(tmp_path: Path) -> None:
    shown = io.StringIO()
    lines = Output("api", tmp_path, Terminal(shown))
    lines.line("listening")
    lines.close()
    assert shown.getvalue() == "       api | listening\n"
    assert (tmp_path / "api.log").read_text().endswith(" listening\n")


def test_log_files_are_rotated_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "FILE_LIMIT_BYTES", 1000)
    lines = Output("api", tmp_path, None)
    for number in range(500):
        lines.line(f"line {number}")
    lines.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["api.log", "api.log.1", "api.log.2"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert "line 499" in (tmp_path / "api.log").read_text()


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
        lines = Output("api", tmp_path, Terminal(closed))
        lines.line("one")
        lines.line("two")
        lines.close()
        with contextlib.suppress(BrokenPipeError):
            closed.close()
    assert "two" in (tmp_path / "api.log").read_text()


def test_a_full_disk_is_named_once_and_the_lines_that_it_lost_are_counted(tmp_path: Path) -> None:
    shown = io.StringIO()
    (tmp_path / "api.log").symlink_to("/dev/full")
    lines = Output("api", tmp_path, Terminal(shown))
    for number in range(100):
        lines.line(f"line {number}")
    (tmp_path / "api.log").unlink()
    lines.line("the disk has room again")
    lines.close()
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
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "api.log").stat().st_mode) == 0o600
