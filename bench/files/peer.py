"""faster-whisper in a virtual environment of its own, one run a process."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.fresh import ROOT
from schema.core.errors import Unavailable

PYTHON = ROOT / "var" / "bench" / "files" / "venv" / "bin" / "python"
SCRIPT = Path(__file__).with_name("batched_pipeline.py")


@dataclass(frozen=True, slots=True)
class Transcribed:
    """One run over the whole file."""

    wall_s: float
    cpu_s: float
    text: str


def transcribe(model: Path, audio: Path) -> Transcribed:
    """int8, batch 8, beam 1, all cores. Raises Unavailable when it is not installed or fails."""
    if not PYTHON.is_file():
        raise Unavailable(f"{PYTHON} is not there; `make bench-files` installs faster-whisper")
    cores = str(len(os.sched_getaffinity(0)))
    environment = {**os.environ, "OMP_NUM_THREADS": cores, "HF_HUB_OFFLINE": "1"}
    command = [str(PYTHON), "-I", str(SCRIPT), str(model), str(audio), cores]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if ran.returncode:
        raise Unavailable(f"faster-whisper ended with {ran.returncode}: {ran.stderr.strip()[-500:]}")
    return Transcribed(**json.loads(ran.stdout))
