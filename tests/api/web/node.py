"""Node and the packages of the page, for the tests that build it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.models import ROOT

SOURCES = ROOT / "api" / "web"
INSTALLED = SOURCES / "node_modules" / ".package-lock.json"
LIMIT_S = 300


def require(program: str) -> str:
    """The path of *program*. Where it is missing, the test is skipped, but never on CI."""
    if (path := shutil.which(program)) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not installed; .ci/run installs it")
        pytest.skip(f"{program} is not installed; on Debian: apt-get install nodejs npm chromium")
    return path


def install_packages() -> None:
    """Install the packages that the lock names, unless they are there."""
    require("node")
    lock = SOURCES / "package-lock.json"
    if not INSTALLED.exists() or INSTALLED.stat().st_mtime < lock.stat().st_mtime:
        run(require("npm"), "ci", "--no-audit", "--no-fund")


def run(*command: str, folder: Path = SOURCES) -> str:
    """Run *command* in *folder*, and return its output. Fails the test with the output if it does not succeed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode:
        pytest.fail(
            f"{' '.join(command)} ended with status {done.returncode}:\n{done.stdout[-6000:]}{done.stderr[-4000:]}"
        )
    return done.stdout
