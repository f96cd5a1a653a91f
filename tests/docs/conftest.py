"""One stack for all samples of the documentation, and a folder with the files that they name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.models import FOLDER, ROOT
from tests.running_stack import ALL_BUT_FLOWER, RunningStack, running_stack
from tests.workers.ingest.files import encoded, speech, with_streams

SPOKEN_S = 4.0
"""Length of the recordings."""
LIMIT_S = 300.0


@dataclass(frozen=True)
class NewUser:
    """Follows the documentation in a folder with its files, beside a stack that runs."""

    folder: Path
    running: RunningStack

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "NO_PROXY": "127.0.0.1",
            "MINUTEBOOK_DATA_DIR": str(self.running.stack.data_dir),
            "MINUTEBOOK_MODEL_DIR": str(FOLDER),
        }

    def run(self, *command: str) -> str:
        """Run a program in the folder, and return what it prints. It must end with status 0."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def finds(self, program: str) -> bool:
        return shutil.which(program, path=self.environment["PATH"]) is not None

    def shell(self, script: str) -> str:
        """Run *script*, each command of which must succeed."""
        return self.run("bash", "-euo", "pipefail", "-c", script)


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    variables = {"MINUTEBOOK_WEBHOOK_PRIVATE": "1", "MINUTEBOOK_ASR_PROCESSES": "1"}
    with running_stack(tmp_path_factory.mktemp("docs"), (*ALL_BUT_FLOWER, "ingest"), variables) as running:
        yield running


@pytest.fixture(scope="package")
def user(running: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> NewUser:
    folder = tmp_path_factory.mktemp("user")
    write_files(folder)
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    for name in ("workers", "training"):
        (folder / name).symlink_to(ROOT / name)
    return NewUser(folder, running)


def write_files(folder: Path) -> None:
    """The recordings that the samples name: short pieces of the sample meeting."""
    said, later = speech(0, SPOKEN_S), speech(SPOKEN_S, 2 * SPOKEN_S)
    files = {
        "meeting.wav": encoded(said),
        "talk.mp4": encoded(said, container="mp4", codec="aac", video=True),
        "talk.mp3": encoded(said, container="mp3", codec="mp3"),
        "talk.pcm": encoded(said, container="s16le"),
        "talk.flac": encoded(said, container="flac", codec="flac"),
        "film.mp4": encoded(later, container="mp4", codec="aac", video=True),
        "panel.wav": encoded(np.concatenate([said, later]), layout="stereo"),
        "game.mkv": with_streams([later, said]),
        "recordings/monday.wav": encoded(later),
        "recordings/train/monday/017.flac": encoded(said, container="flac", codec="flac"),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
