"""Files that only the user who runs Minutebook may read, whatever the umask is, and what is wrong with a disk."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

FILE_MODE = 0o600
FOLDER_MODE = 0o700
OTHERS = stat.S_IRWXG | stat.S_IRWXO
PASSWORD_BYTES = 24
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def fault_of(folder: Path | str, error: OSError) -> str:
    """Why *folder* cannot be written, and the remedy."""
    if error.errno in NO_ROOM:
        return f"the disk of {folder} is full ({error.strerror}); free some space"
    return f"{folder} cannot be written ({error.strerror}); give this user the right to write there, and check its disk"


def make_private_folder(folder: Path) -> None:
    """Create *folder*, and the folders that lead to it, or take an existing one from other users. Raises OSError."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    make_private([folder])


def make_private(paths: Iterable[Path]) -> None:
    """Take all rights of other users away from files and folders of this user. What does not exist is left out.

    Symbolic links are left as they are. So is what belongs to another user, or is on a file system without rights: the
    administrator has decided who may read it.
    """
    for path in paths:
        with suppress(OSError):
            mode = path.lstat().st_mode
            if mode & OTHERS and not stat.S_ISLNK(mode):
                path.chmod(stat.S_IMODE(mode) & ~OTHERS)


def make_tree_private(folder: Path) -> None:
    """`make_private` for *folder* and everything in it."""
    for parent, folders, files in os.walk(folder):
        make_private(Path(parent, name) for name in ("", *folders, *files))


def create_private(path: Path) -> None:
    """Create the empty file *path* if it does not exist, without opening it. Raises OSError.

    If a process closes a file, it loses all POSIX locks that it holds on it, also those that it took through another
    descriptor. SQLite trusts such locks: without them another process would delete the log that holds the commits.
    """
    with suppress(FileExistsError):
        os.mknod(path, stat.S_IFREG | FILE_MODE)


def private_opener(path: str, flags: int) -> int:
    """An `opener` for `open`: a file that is created belongs to this user only."""
    return os.open(path, flags, FILE_MODE)


def kept_password(path: Path) -> str:
    """The password in the file *path*, which is created with a random one if it does not exist. Raises OSError.

    Threads and processes that start together get the same password.
    """
    make_private_folder(path.parent)
    if not path.exists():
        _write_once(path, f"{secrets.token_urlsafe(PASSWORD_BYTES)}\n")
    make_private([path])
    return path.read_text().strip()


def _write_once(path: Path, text: str) -> None:
    """Write *path* completely, unless another thread or process was faster."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}.", suffix=".draft") as draft:
        draft.write(text)
        draft.flush()
        with suppress(FileExistsError):
            path.hardlink_to(draft.name)
