"""The supervisor with small real processes: they become ready, are restarted, end, and are never left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy import waiting
from deploy.supervisor import Stack
from schema.core.errors import Conflict, InvalidInput, Unavailable
from tests.deploy.small_processes import IGNORES_SIGTERM, WITH_A_CHILD, alive, print_and_exit, procfile, wait_until_gone
from tests.immutable import immutable
from tests.waiting import wait_until

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


def _wait_for_child(stack: Stack, name: str) -> None:
    wait_until("the process has started its child", lambda: stack.pids(name), lambda pids: len(pids) == 2)


def _wait_for_restart(stack: Stack, name: str, before: int) -> None:
    wait_until(f"{name} runs again", lambda: stack.pid(name), lambda pid: pid != before, retry_on=Unavailable)


def test_a_stopped_stack_leaves_nothing_behind(tmp_path: Path, sleepers: Path) -> None:
    with Stack(tmp_path, procfile=sleepers) as stack:
        _wait_for_child(stack, "one")
        pids = [*stack.pids("one"), *stack.pids("two")]
        assert alive(pids)
        assert (tmp_path / "run" / "stack.json").stat().st_mode & 0o077 == 0
    assert alive(pids) == []
    assert not (tmp_path / "run" / "stack.json").exists()


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    with Stack(tmp_path, procfile=procfile(tmp_path, deaf=IGNORES_SIGTERM), grace_s=0.2) as stack:
        pid = stack.pid("deaf")
        wait_until("the process ignores SIGTERM", lambda: _ignores_sigterm(pid))
    assert alive([pid]) == []
    assert "did not end within 0.2 s of SIGTERM" in (tmp_path / "log" / "deaf.log").read_text()


def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    entries = procfile(tmp_path, one=WITH_A_CHILD, two="sleep 600", deaf=IGNORES_SIGTERM)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), str(entries)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder.stdout:
        pids = [int(pid) for pid in holder.stdout.readline().split()]
    assert len(pids) >= 3
    holder.kill()
    holder.wait()
    wait_until_gone(pids)


def test_a_process_that_outlived_its_leash_is_ended_by_the_next_stack(tmp_path: Path) -> None:
    entries = procfile(tmp_path, one="sleep 600")
    orphan = subprocess.Popen(["sleep", "600"], process_group=0)
    (tmp_path / "run").mkdir()
    facts = {"processes": {"one": {"pid": orphan.pid, "created_s": psutil.Process(orphan.pid).create_time()}}}
    (tmp_path / "run" / "stack.json").write_text(json.dumps(facts))
    with Stack(tmp_path, procfile=entries):
        assert alive([orphan.pid]) == []
    orphan.wait()


def test_a_foreign_process_that_reuses_an_old_id_is_left_alone(tmp_path: Path) -> None:
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


def test_a_crashed_process_is_restarted_and_its_children_are_ended(tmp_path: Path, sleepers: Path) -> None:
    with Stack(tmp_path, procfile=sleepers) as stack:
        _wait_for_child(stack, "one")
        before = stack.pids("one")
        stack.kill("one")
        stack.wait_ready("one")
        assert stack.pid("one") not in before
        wait_until_gone(before)  # its child as well
    assert "ended by itself with status 137 (SIGKILL: if nobody sent it" in (tmp_path / "log" / "one.log").read_text()


def test_the_log_explains_the_signal_that_ended_a_process(tmp_path: Path, sleepers: Path) -> None:
    with Stack(tmp_path, procfile=sleepers) as stack:
        before = stack.pid("two")
        stack.kill("two", signal.SIGBUS)
        _wait_for_restart(stack, "two", before)
    log = (tmp_path / "log" / "two.log").read_text()
    assert "status 135 (SIGBUS: a mapped file" in log
    assert "check whether the data folder has become read-only or its disk is full" in log
    assert "restarting in 0.5 s" in log


def test_a_process_is_started_once_even_when_its_id_cannot_be_written_down(tmp_path: Path, sleepers: Path) -> None:
    """As on a full disk. Otherwise it would be started a second time."""
    with Stack(tmp_path, procfile=sleepers) as stack, immutable(tmp_path / "run"):
        stack.kill("two")
        stack.wait_ready("two")
    log = (tmp_path / "log" / "two.log").read_text()
    assert f"the running processes are not recorded: {tmp_path / 'run'} cannot be written" in log
    assert "could not be started" not in log


def test_killing_the_leash_ends_and_restarts_its_process(tmp_path: Path) -> None:
    with Stack(tmp_path, procfile=procfile(tmp_path, one="sleep 600")) as stack:
        before = stack.pid("one")
        leash = psutil.Process(before).parent()
        assert leash is not None
        leash.kill()
        wait_until_gone([before])
        _wait_for_restart(stack, "one", before)


def test_a_stopped_process_stays_stopped_until_it_is_started_again(tmp_path: Path, sleepers: Path) -> None:
    with Stack(tmp_path, procfile=sleepers) as stack:
        stack.stop_process("two")
        with pytest.raises(Unavailable, match="two is not running"):
            stack.pid("two")
        stack.start_process("two")
        stack.wait_ready("two")
        assert alive([stack.pid("two")])


def test_a_process_that_keeps_ending_fails_the_start_with_the_last_lines_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine the process may take half a second before it ends. It must not count as ready before.
    monkeypatch.setattr(waiting, "SETTLED_S", 600)
    entries = procfile(tmp_path, broken=print_and_exit("no such model", 3), steady="sleep 600")
    message = r"(?s)broken ended 3 times while starting.*broken\.log.*no such model"
    before = psutil.Process().children()
    with pytest.raises(Unavailable, match=message), Stack(tmp_path, procfile=entries):
        pytest.fail("the stack must not become ready")
    assert psutil.Process().children() == before


def test_a_failed_migration_fails_the_start(tmp_path: Path) -> None:
    entries = procfile(tmp_path, migrate=print_and_exit("disk full", 1), after="sleep 600")
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
        assert alive([stack.pid("one")])


def test_a_taken_port_that_was_asked_for_is_refused_by_name(tmp_path: Path, taken_port: int, sleepers: Path) -> None:
    asked = {"MINUTEBOOK_API_PORT": str(taken_port)}
    message = f"port {taken_port} of 127.0.0.1 is taken .* set MINUTEBOOK_API_PORT to a free port"
    with pytest.raises(Conflict, match=message), Stack(tmp_path, procfile=sleepers, environment=asked):
        pytest.fail("the stack must not start")


def test_processes_get_the_addresses_in_their_environment(tmp_path: Path) -> None:
    code = "import os, time; print(os.environ['MINUTEBOOK_REDIS_URL'], os.environ['EXTRA']); time.sleep(600)"
    entries = procfile(tmp_path, tell=f'{sys.executable} -c "{code}" $MINUTEBOOK_DATA_DIR')
    with Stack(tmp_path, procfile=entries, environment={"EXTRA": "more"}) as stack:
        expected = f"{stack.redis_url} more"
        log = tmp_path / "log" / "tell.log"
        wait_until("the process has printed its environment", log.read_text, lambda text: expected in text)
        assert psutil.Process(stack.pid("tell")).cmdline()[-1] == str(tmp_path)


def test_an_unknown_process_is_refused_by_name(tmp_path: Path, sleepers: Path) -> None:
    with pytest.raises(InvalidInput, match="no process three in the Procfile; it has one, two"):
        Stack(tmp_path, procfile=sleepers, processes=["one", "three"])


def test_a_malformed_variable_is_refused_by_name(tmp_path: Path, sleepers: Path) -> None:
    wrong = {"MINUTEBOOK_API_PORT": "eighty"}
    with pytest.raises(InvalidInput, match=r"MINUTEBOOK_API_PORT = 'eighty' is not valid: .* a valid integer"):
        Stack(tmp_path, procfile=sleepers, environment=wrong).start()


def test_a_data_folder_that_cannot_be_created_is_refused_by_name(tmp_path: Path, sleepers: Path) -> None:
    with pytest.raises(Unavailable, match=r"data folder .*Procfile/data cannot be written .* set MINUTEBOOK_DATA_DIR"):
        Stack(sleepers / "data", procfile=sleepers).start()


def _ignores_sigterm(pid: int) -> bool:
    ignored = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigIgn"))
    return bool(int(ignored.split()[1], 16) & 1 << (signal.SIGTERM - 1))
