"""The supervisor with real small processes: ready, restarted, ended, and never left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.supervisor import Stack
from schema.core.errors import Conflict, InvalidInput, Unavailable
from tests.deploy.sleepers import DEAF, WITH_A_CHILD, all_gone, ends, eventually, procfile
from tests.immutable import immutable

HOLDER = """
import sys, time
from pathlib import Path
from deploy.supervisor import Stack
with Stack(Path(sys.argv[1]), procfile=Path(sys.argv[2]), grace_s=0.2) as stack:
    pids = [pid for name in stack.processes for pid in stack.pids(name)]
    print(*pids, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def sleepers(tmp_path: Path) -> Path:
    return procfile(tmp_path, one=WITH_A_CHILD, two="sleep 600")


def _children_up(stack: Stack, name: str) -> bool:
    return len(stack.pids(name)) == 2


def test_a_stopped_stack_leaves_nothing_behind(tmp_path: Path, sleepers: Path) -> None:
    with Stack(tmp_path, procfile=sleepers) as stack:
        eventually("the child runs", lambda: _children_up(stack, "one"))
        pids = [*stack.pids("one"), *stack.pids("two")]
        assert not all_gone(pids)
        assert (tmp_path / "run" / "stack.json").stat().st_mode & 0o077 == 0
    assert all_gone(pids)
    assert not (tmp_path / "run" / "stack.json").exists()


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    with Stack(tmp_path, procfile=procfile(tmp_path, deaf=DEAF), grace_s=0.2) as stack:
        pid = stack.pid("deaf")
        eventually("SIGTERM is ignored", lambda: _ignores_sigterm(pid))
    assert all_gone([pid])
    assert "did not end within 0.2 s of SIGTERM" in (tmp_path / "log" / "deaf.log").read_text()


def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    entries = procfile(tmp_path, one=WITH_A_CHILD, two="sleep 600", deaf=DEAF)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), str(entries)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder.stdout:
        pids = [int(pid) for pid in holder.stdout.readline().split()]
    assert len(pids) >= 3
    holder.kill()
    holder.wait()
    eventually("every process is gone", lambda: all_gone(pids))


def test_what_outlived_its_leash_is_ended_by_the_next_stack(tmp_path: Path) -> None:
    entries = procfile(tmp_path, one="sleep 600")
    orphan = subprocess.Popen(["sleep", "600"], process_group=0)
    (tmp_path / "run").mkdir()
    facts = {"processes": {"one": {"pid": orphan.pid, "created_s": psutil.Process(orphan.pid).create_time()}}}
    (tmp_path / "run" / "stack.json").write_text(json.dumps(facts))
    with Stack(tmp_path, procfile=entries):
        assert all_gone([orphan.pid])
    orphan.wait()


def test_a_process_whose_id_was_used_again_is_let_be(tmp_path: Path) -> None:
    bystander = subprocess.Popen(["sleep", "600"], process_group=0)
    (tmp_path / "run").mkdir()
    facts = {"processes": {"one": {"pid": bystander.pid, "created_s": 1.0}}}
    (tmp_path / "run" / "stack.json").write_text(json.dumps(facts))
    try:
        with Stack(tmp_path, procfile=procfile(tmp_path, one="sleep 600")):
            assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_crashed_process_is_started_again(tmp_path: Path, sleepers: Path) -> None:
    with Stack(tmp_path, procfile=sleepers) as stack:
        eventually("the child runs", lambda: _children_up(stack, "one"))
        before = stack.pids("one")
        stack.kill("one")
        stack.wait_ready("one")
        assert stack.pid("one") not in before
        eventually("what the crashed process had started is gone", lambda: all_gone(before))
    assert "ended by itself with status 137 (SIGKILL: if nobody sent it" in (tmp_path / "log" / "one.log").read_text()


def test_an_end_by_a_signal_is_explained(tmp_path: Path, sleepers: Path) -> None:
    with Stack(tmp_path, procfile=sleepers) as stack:
        before = stack.pid("two")
        stack.kill("two", signal.SIGBUS)
        eventually("it runs again", lambda: _pid_or_none(stack, "two") not in (None, before))
    said = (tmp_path / "log" / "two.log").read_text()
    assert "status 135 (SIGBUS: a mapped file" in said
    assert "check whether the data folder has become read-only or its disk is full" in said
    assert "started again in 0.5 s" in said


def test_a_process_counts_as_started_though_that_cannot_be_noted(tmp_path: Path, sleepers: Path) -> None:
    """As on a full disk; it would be started a second time otherwise."""
    with Stack(tmp_path, procfile=sleepers) as stack, immutable(tmp_path / "run"):
        stack.kill("two")
        stack.wait_ready("two")
    said = (tmp_path / "log" / "two.log").read_text()
    assert f"could not record the running processes in {tmp_path / 'run'}" in said
    assert "could not be started" not in said


def test_a_killed_leash_takes_its_process_along(tmp_path: Path) -> None:
    with Stack(tmp_path, procfile=procfile(tmp_path, one="sleep 600")) as stack:
        before = stack.pid("one")
        leash = psutil.Process(before).parent()
        assert leash is not None
        leash.kill()
        eventually("the old process is gone", lambda: all_gone([before]))
        eventually("it runs again", lambda: _pid_or_none(stack, "one") not in (None, before))


def test_a_stopped_process_stays_stopped_until_it_is_started(tmp_path: Path, sleepers: Path) -> None:
    with Stack(tmp_path, procfile=sleepers) as stack:
        stack.stop_process("two")
        with pytest.raises(Unavailable, match="two is not running"):
            stack.pid("two")
        stack.start_process("two")
        stack.wait_ready("two")
        assert not all_gone([stack.pid("two")])


def test_a_process_that_keeps_ending_fails_the_start_with_its_last_lines(tmp_path: Path) -> None:
    entries = procfile(tmp_path, steady="sleep 600", broken=ends("no such model", 3))
    message = r"(?s)broken ended 3 times while starting.*broken\.log.*no such model"
    before = psutil.Process().children()
    with pytest.raises(Unavailable, match=message), Stack(tmp_path, procfile=entries):
        pytest.fail("the stack must not become ready")
    assert psutil.Process().children() == before


def test_a_failed_migration_fails_the_start(tmp_path: Path) -> None:
    entries = procfile(tmp_path, migrate=ends("disk full", 1), after="sleep 600")
    with (
        pytest.raises(Unavailable, match=r"(?s)migrate ended with status 1.*disk full"),
        Stack(tmp_path, procfile=entries),
    ):
        pytest.fail("the stack must not become ready")
    assert not (tmp_path / "log" / "after.log").exists()


def test_a_second_stack_on_the_same_folder_is_refused(tmp_path: Path, sleepers: Path) -> None:
    with Stack(tmp_path, procfile=sleepers) as stack:
        message = rf"pid {os.getpid()}, http://.* is already using {tmp_path}; stop it .* MINUTEBOOK_DATA_DIR"
        with pytest.raises(Conflict, match=message), Stack(tmp_path, procfile=sleepers):
            pytest.fail("a second stack must not start")
        assert not all_gone([stack.pid("one")])


def test_a_taken_port_that_was_asked_for_is_refused_by_name(tmp_path: Path, taken_port: int, sleepers: Path) -> None:
    asked = {"MINUTEBOOK_API_PORT": str(taken_port)}
    message = f"port {taken_port} of 127.0.0.1 is taken .* set MINUTEBOOK_API_PORT to a free port"
    with pytest.raises(Conflict, match=message), Stack(tmp_path, procfile=sleepers, environment=asked):
        pytest.fail("the stack must not start")


def test_processes_learn_the_addresses_from_their_environment(tmp_path: Path) -> None:
    telling = "import os, time; print(os.environ['MINUTEBOOK_REDIS_URL'], os.environ['EXTRA']); time.sleep(600)"
    entries = procfile(tmp_path, tell=f'{sys.executable} -c "{telling}" $MINUTEBOOK_DATA_DIR')
    with Stack(tmp_path, procfile=entries, environment={"EXTRA": "more"}) as stack:
        expected = f"{stack.redis_url} more"
        eventually(expected, lambda: expected in (tmp_path / "log" / "tell.log").read_text())
        assert psutil.Process(stack.pid("tell")).cmdline()[-1] == str(tmp_path)


def test_an_unknown_process_is_refused_by_name(tmp_path: Path, sleepers: Path) -> None:
    with pytest.raises(InvalidInput, match="no process three in the Procfile; it has one, two"):
        Stack(tmp_path, procfile=sleepers, processes=["one", "three"])


def test_a_variable_that_cannot_be_read_is_named(tmp_path: Path, sleepers: Path) -> None:
    wrong = {"MINUTEBOOK_API_PORT": "eighty"}
    with pytest.raises(InvalidInput, match="MINUTEBOOK_API_PORT='eighty': Input should be a valid integer"):
        Stack(tmp_path, procfile=sleepers, environment=wrong).start()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path, sleepers: Path) -> None:
    with pytest.raises(Unavailable, match=r"data folder .*Procfile/data is not writable .* set MINUTEBOOK_DATA_DIR"):
        Stack(sleepers / "data", procfile=sleepers).start()


def _ignores_sigterm(pid: int) -> bool:
    ignored = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigIgn"))
    return bool(int(ignored.split()[1], 16) & 1 << (signal.SIGTERM - 1))


def _pid_or_none(stack: Stack, name: str) -> int | None:
    try:
        return stack.pid(name)
    except Unavailable:
        return None
