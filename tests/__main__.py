"""`python -m tests [OPTIONS OF PYTEST]`: every test, in processes side by side; `tests/schedule.py` says how."""

from __future__ import annotations

import os
import subprocess
import sys

PROCESSES = 2
"""As many as a small machine has cores; the stacks that they start need the rest."""


def main(options: list[str]) -> int:
    # A stack's workers make way for other programs. At the lowest priority they need not for tests that compute.
    os.nice(19)
    command = [sys.executable, "-m", "pytest", "--numprocesses", str(PROCESSES), "--dist", "loadscope", *options]
    # Threads of one process would wait for each other while the other processes have the cores.
    return subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
