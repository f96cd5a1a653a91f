"""`python -m tests [OPTIONS OF PYTEST]` runs every test in parallel processes, divided by `tests/schedule.py`."""

from __future__ import annotations

import os
import subprocess
import sys

PROCESSES = 2
"""The number of cores of a small machine. The stacks that tests start need what is left."""


def main(options: list[str]) -> int:
    # The workers of a stack run at a low priority. Tests run at the lowest one, so that they do not delay them.
    os.nice(19)
    command = [sys.executable, "-m", "pytest", "--numprocesses", str(PROCESSES), "--dist", "loadscope", *options]
    # With more threads, those of one process would wait for each other while other processes have the cores.
    return subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
