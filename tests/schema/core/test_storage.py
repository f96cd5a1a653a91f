"""Files by id, in a folder and in S3 over real HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from schema.core.errors import InvalidInput, NotFound, StorageFull, Unavailable, WrongOffset
from schema.core.storage import Files, LocalFiles, open_files
from schema.uploads.lifecycle import new_id
from tests.s3 import S3, s3_server


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with s3_server(monkeypatch) as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    if request.param == "folder":
        return open_files(str(tmp_path / "files"))
    s3: S3 = request.getfixturevalue("s3")
    return open_files(s3.url)


def test_a_file_is_appended_to_committed_read_and_deleted(files: Files) -> None:
    file_id, data = new_id(), os.urandom(100_000)
    for at in range(0, len(data), 30_000):
        files.append(file_id, at, data[at : at + 30_000])
    with pytest.raises(NotFound, match=file_id):
        files.open(file_id)
    for _ in range(2):
        files.commit(file_id, len(data))
    with files.open(file_id) as file:
        assert file.read() == data
        file.seek(50_000)
        assert file.read(10) == data[50_000:50_010]
    for _ in range(2):
        files.delete(file_id)
    with pytest.raises(NotFound):
        files.open(file_id)


def test_bytes_left_by_a_broken_connection_are_overwritten(files: Files) -> None:
    file_id, data = new_id(), os.urandom(10_000)
    files.append(file_id, 0, data[:4000])
    files.append(file_id, 4000, os.urandom(3000))  # stored, but never acknowledged
    files.append(file_id, 4000, data[4000:5000])
    files.append(file_id, 5000, data[5000:])
    files.commit(file_id, len(data))
    with files.open(file_id) as file:
        assert file.read() == data


def test_an_incomplete_file_cannot_be_committed(files: Files) -> None:
    file_id = new_id()
    files.append(file_id, 0, b"half")
    with pytest.raises(WrongOffset) as refused:
        files.commit(file_id, 8)
    assert refused.value.facts["expected_offset"] == 4
    with pytest.raises(NotFound):
        files.open(file_id)
    files.delete(file_id)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", "ABCDEF", "0" * 25, "file.wav"])
def test_only_file_ids_are_accepted_as_names(tmp_path: Path, name: str) -> None:
    files = open_files(str(tmp_path / "files"))
    for operation in (partial(files.append, name, 0, b"x"), partial(files.open, name), partial(files.delete, name)):
        with pytest.raises(InvalidInput, match="not the id of a file"):
            operation()
    assert list(tmp_path.rglob("*")) in ([], [tmp_path / "files"])


def test_folder_and_files_are_accessible_only_to_their_owner(tmp_path: Path) -> None:
    files = open_files(str(tmp_path / "files"))
    file_id = new_id()
    files.append(file_id, 0, b"x")
    files.commit(file_id, 1)
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "files" / file_id).stat().st_mode & 0o777 == 0o600


def test_a_full_device_raises_storage_full(tmp_path: Path) -> None:
    """The file is a link to the kernel's device that is always full."""
    files = LocalFiles(tmp_path)
    file_id = new_id()
    (tmp_path / f"{file_id}.part").symlink_to("/dev/full")
    with pytest.raises(StorageFull, match="has no room") as refused:
        files.append(file_id, 0, b"x")
    assert refused.value.retryable


def test_an_unreachable_storage_is_reported_and_works_again_later(s3: S3) -> None:
    files = open_files(s3.url)
    file_id = new_id()
    files.append(file_id, 0, b"half")
    s3.stop()
    with pytest.raises(Unavailable, match="MINUTEBOOK_STORAGE"):
        files.append(file_id, 4, b"rest")
    with pytest.raises(Unavailable, match="MINUTEBOOK_STORAGE"):
        files.commit(file_id, 8)
    s3.start()
    files.append(file_id, 4, b"rest")
    files.commit(file_id, 8)
    with files.open(file_id) as file:
        assert file.read() == b"halfrest"


def test_an_unknown_kind_of_storage_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nonsense://"):
        open_files("nonsense://bucket")
