"""Files that only their owner can read, and words for a full disk."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from schema.core.database import BESIDE, Database
from schema.core.disk import fault_of, kept_password, make_private, make_private_folder, make_tree_private


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The umask under which every file could be read by everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_is_made_private_whether_it_exists_or_not(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir(mode=0o777)
    for name in ("old", "new"):
        make_private_folder(tmp_path / name)
        assert mode(tmp_path / name) == 0o700


def test_everything_in_a_folder_is_made_private_and_what_a_link_names_is_not(tmp_path: Path) -> None:
    elsewhere, tree = tmp_path / "elsewhere", tmp_path / "tree"
    elsewhere.mkdir(mode=0o777)
    (tree / "sub").mkdir(parents=True, mode=0o777)
    (tree / "sub" / "file").touch(mode=0o666)
    (tree / "program").touch(mode=0o777)
    (tree / "link").symlink_to(elsewhere)
    make_tree_private(tree)
    assert [mode(tree / name) for name in (".", "sub", "sub/file", "program")] == [0o700, 0o700, 0o600, 0o700]
    assert mode(elsewhere) == 0o777
    make_private([tree / "missing"])


def test_a_password_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "passwords" / "redis"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: kept_password(path), range(8)))
    assert len(made) == 1
    assert len(made.pop()) >= 32
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)
    assert [each.name for each in path.parent.iterdir()] == ["redis"]
    path.chmod(0o644)
    path.write_text("my own password\n")
    assert (kept_password(path), mode(path)) == ("my own password", 0o600)


@pytest.mark.parametrize("before", [None, 0o666])
def test_the_files_of_sqlite_are_private_also_those_of_an_earlier_version(tmp_path: Path, before: int | None) -> None:
    path = tmp_path / "new" / "minutebook.db"
    if before is not None:
        path.parent.mkdir()
        for end in BESIDE:
            Path(f"{path}{end}").touch(mode=before)
    database = Database(f"sqlite:///{path}")
    try:
        with database.write() as session:
            session.execute(text("CREATE TABLE t (x INTEGER)"))
            assert {end: mode(Path(f"{path}{end}")) for end in BESIDE} == dict.fromkeys(BESIDE, 0o600)
    finally:
        database.close()
    assert before is not None or mode(path.parent) == 0o700


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk of /data is full (No space left on device); free some space"),
        (errno.EDQUOT, "the disk of /data is full"),
        (errno.EACCES, "/data cannot be written (Permission denied); give this user the right"),
    ],
)
def test_a_fault_of_the_disk_is_said_in_plain_words(number: int, words: str) -> None:
    assert fault_of("/data", OSError(number, os.strerror(number))).startswith(words)
