"""Files by id, in a folder and in S3 over real HTTP: they grow, become whole, and go."""

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


def test_a_file_grows_becomes_whole_and_goes(files: Files) -> None:
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


def test_what_a_broken_connection_left_is_written_over(files: Files) -> None:
    file_id, data = new_id(), os.urandom(10_000)
    files.append(file_id, 0, data[:4000])
    files.append(file_id, 4000, os.urandom(3000))  # stored, but never acknowledged
    files.append(file_id, 4000, data[4000:5000])
    files.append(file_id, 5000, data[5000:])
    files.commit(file_id, len(data))
    with files.open(file_id) as file:
        assert file.read() == data


def test_a_file_that_is_not_whole_is_not_made_so(files: Files) -> None:
    file_id = new_id()
    files.append(file_id, 0, b"half")
    with pytest.raises(WrongOffset) as refused:
        files.commit(file_id, 8)
    assert refused.value.facts["expected_offset"] == 4
    with pytest.raises(NotFound):
        files.open(file_id)
    files.delete(file_id)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", "ABCDEF", "0" * 25, "file.wav"])
def test_only_ids_are_names(tmp_path: Path, name: str) -> None:
    files = open_files(str(tmp_path / "files"))
    for operation in (partial(files.append, name, 0, b"x"), partial(files.open, name), partial(files.delete, name)):
        with pytest.raises(InvalidInput, match="not the id of a file"):
            operation()
    assert list(tmp_path.rglob("*")) in ([], [tmp_path / "files"])


def test_a_folder_is_only_for_its_owner(tmp_path: Path) -> None:
    files = open_files(str(tmp_path / "files"))
    file_id = new_id()
    files.append(file_id, 0, b"x")
    files.commit(file_id, 1)
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "files" / file_id).stat().st_mode & 0o777 == 0o600


def test_a_device_without_room_is_told_as_that(tmp_path: Path) -> None:
    """The kernel's own full device stands where the file would."""
    files = LocalFiles(tmp_path)
    file_id = new_id()
    (tmp_path / f"{file_id}.part").symlink_to("/dev/full")
    with pytest.raises(StorageFull, match="has no room") as refused:
        files.append(file_id, 0, b"x")
    assert refused.value.retryable


def test_a_storage_that_is_away_is_named_and_comes_back(s3: S3) -> None:
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


def test_a_storage_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nonsense://"):
        open_files("nonsense://bucket")
