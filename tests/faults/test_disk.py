"""The disk fills up, or turns read-only, under a running meeting: that is said, nothing is lost, and it goes on."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.hall import Hall, Sitting, eventually, hall
from tests.immutable import immutable

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of its own, of 64 MB."""
    folder = tmp_path_factory.mktemp("small-disk")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"this user can mount no file system: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def on_small_disk(small_disk: Path) -> Iterator[Hall]:
    with hall(small_disk) as opened:
        yield opened


def fill(folder: Path) -> Path:
    """A file that takes all the space there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017
    return ballast


def refusal(held: Hall) -> str:
    """What the API says to who wants to begin a meeting; nothing when it can, or does not answer."""
    try:
        answer = httpx.post(f"{held.stack.api_url}/v1/meetings", json={}, trust_env=False, timeout=60)
    except httpx.HTTPError:
        return ""
    return str(answer.json()["detail"]) if answer.status_code == 503 else ""


def test_a_disk_that_is_full_for_a_while(on_small_disk: Hall) -> None:
    def disturb(sitting: Sitting) -> None:
        on_small_disk.wait_claimed(sitting)
        ballast = fill(on_small_disk.stack.data_dir)
        try:
            eventually("the API names the disk", lambda: "no space left on its disk" in refusal(on_small_disk))
        finally:
            ballast.unlink()

    on_small_disk.assert_whole(on_small_disk.hold(on_small_disk.clip, disturb), on_small_disk.undisturbed)


def test_a_database_that_turns_read_only_for_a_while(faulty: Hall) -> None:
    def disturb(sitting: Sitting) -> None:
        faulty.wait_claimed(sitting)
        track_id = faulty.track_id(sitting)
        with ExitStack() as shut:
            for end in ("", "-wal", "-shm"):
                shut.enter_context(immutable(faulty.stack.data_dir / f"minutebook.db{end}"))
            eventually("the API names the database", lambda: "read-only" in refusal(faulty))
            epoch = faulty.mailbox.status(track_id).epoch
            eventually("the track was claimed in vain", lambda: faulty.mailbox.status(track_id).epoch > epoch + 1)

    faulty.assert_whole(faulty.hold(faulty.clip, disturb), faulty.undisturbed)
