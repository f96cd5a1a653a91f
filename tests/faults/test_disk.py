"""The disk fills up or the database becomes read-only during a meeting: the API says so and nothing is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.faults.disturbances import fill
from tests.immutable import immutable
from tests.running_stack import RunningStack, StreamedMeeting, running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

DISK_FULL = "no space left on its disk"
LOG_LIMIT_CHARACTERS = 100_000
"""A traceback in each second and process would be several times as much."""


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A separate file system of 64 MB."""
    folder = tmp_path_factory.mktemp("small-disk")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "none", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"this user cannot mount a file system: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def on_small_disk(small_disk: Path) -> Iterator[RunningStack]:
    with running_stack(small_disk) as running:
        yield running


def refusal(running: RunningStack) -> str:
    """Why the API refuses to create a meeting. Empty when it creates one or does not answer."""
    try:
        answer = httpx.post(f"{running.stack.api_url}/v1/meetings", json={}, trust_env=False, timeout=60)
    except httpx.HTTPError:
        return ""
    return str(answer.json()["detail"]) if answer.status_code == 503 else ""


def test_a_meeting_stays_complete_while_the_disk_is_full_and_the_api_names_the_disk(
    on_small_disk: RunningStack,
) -> None:
    def disturb(meeting: StreamedMeeting) -> None:
        on_small_disk.wait_until_claimed(meeting)
        ballast = fill(on_small_disk.stack.data_dir)
        try:
            wait_until("the API names the disk", lambda: refusal(on_small_disk), lambda text: DISK_FULL in text)
        finally:
            ballast.unlink()

    meeting = on_small_disk.stream(on_small_disk.clip, disturb)
    on_small_disk.assert_complete(meeting, on_small_disk.undisturbed_transcript)
    logs = {path.name: path.read_text() for path in (on_small_disk.stack.data_dir / "log").glob("*.log")}
    assert "transcribe.log" in logs
    longest = max(logs, key=lambda name: len(logs[name]))
    assert len(logs[longest]) < LOG_LIMIT_CHARACTERS, logs[longest][-3000:]


def test_workers_go_on_without_a_restart_after_redis_refused_every_write(running: RunningStack) -> None:
    """As it does while its disk is full. `NOREPLICAS` is another reason, which a test can give and take back."""

    def workers() -> dict[str, int]:
        return {name: running.stack.pid(name) for name in ("transcribe", "summarize", "ingest")}

    def unaware() -> list[str]:
        folder = running.stack.data_dir / "log"
        return [name for name in workers() if "NOREPLICAS" not in (folder / f"{name}.log").read_text()]

    def disturb(meeting: StreamedMeeting) -> None:
        running.wait_until_claimed(meeting)
        before = workers()
        running.redis.config_set("min-replicas-to-write", 1)
        try:
            wait_until("every worker is refused", unaware, lambda left: not left)
        finally:
            running.redis.config_set("min-replicas-to-write", 0)
        assert workers() == before

    meeting = running.stream(running.clip, disturb)
    running.assert_complete(meeting, running.undisturbed_transcript)


def test_a_meeting_stays_complete_while_the_database_is_read_only_and_the_api_says_so(running: RunningStack) -> None:
    def disturb(meeting: StreamedMeeting) -> None:
        running.wait_until_claimed(meeting)
        track_id = running.track_id(meeting)
        with ExitStack() as read_only:
            for suffix in ("", "-wal", "-shm"):
                read_only.enter_context(immutable(running.stack.data_dir / f"minutebook.db{suffix}"))
            wait_until("the API names the database", lambda: refusal(running), lambda text: "read-only" in text)
            before = running.mailbox.status(track_id).epoch
            wait_until(
                "the track was claimed twice in vain",
                lambda: running.mailbox.status(track_id).epoch,
                lambda epoch: epoch > before + 1,
            )

    running.assert_complete(running.stream(running.clip, disturb), running.undisturbed_transcript)
