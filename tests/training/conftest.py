"""Small models and data for whole runs, made once per session."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.training.models import CACHE, KINDS, TEXTS
from training.runs.run import RunFolders

RATE_HZ = 16_000


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Gives the folder of the small model of a kind."""
    made: dict[str, str] = {}
    root = tmp_path_factory.mktemp("models")

    def folder(kind: str) -> str:
        if kind not in made:
            made[kind] = str(KINDS[kind](root / kind))
        return made[kind]

    return folder


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with manifests of tones, texts and summaries for `train` and `dev`."""
    folder = tmp_path_factory.mktemp("recordings")
    chance = np.random.default_rng(7)
    for split, texts in (("train", TEXTS[:4]), ("dev", TEXTS[4:])):
        lines = []
        for place, text in enumerate(texts):
            name = f"{split}-{place}"
            seconds = 0.6 + 0.3 * place
            time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
            sound = np.sin(2 * np.pi * (200 + 90 * place) * time) * 0.3 + chance.normal(0, 0.01, len(time))
            soundfile.write(folder / f"{name}.wav", sound, RATE_HZ, "PCM_16")
            lines.append(
                {"id": name, "audio": f"{name}.wav", "text": text, "summary": text.split(" and ")[0], "group": name}
            )
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def places(tmp_path: Path) -> RunFolders:
    return RunFolders(runs=tmp_path / "runs", models=CACHE)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a separate file system of a size such as `1m`."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        folder = tmp_path / "disk"
        folder.mkdir()
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            pytest.skip(f"this user cannot mount a file system: {made.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
