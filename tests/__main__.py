"""`python -m tests [OPTIONS OF PYTEST]`: every test, in two processes side by side.

Whole meetings mostly wait for speech to pass; everything else mostly computes. Together they take little more than the
longer of the two. Everything that starts a stack is in one process, since two of them would look for the same ports.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

WHOLE = ("tests/api/openai", "tests/cli", "tests/deploy", "tests/e2e", "tests/faults")
PYTEST = (sys.executable, "-m", "pytest")


def main(options: list[str]) -> int:
    """The worse of the two exit statuses. The meetings' report follows the other one."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    rest = [f"--ignore={folder}" for folder in WHOLE]
    with tempfile.TemporaryFile() as report:
        with subprocess.Popen([*PYTEST, *WHOLE, *options], env=environment, stdout=report, stderr=report) as meetings:
            try:
                others = subprocess.run([*PYTEST, "tests", *rest, *options], env=environment, check=False)
                meetings.wait()
            finally:
                meetings.terminate()  # only when this was interrupted is it still there
        report.seek(0)
        shutil.copyfileobj(report, sys.stdout.buffer)
        sys.stdout.flush()
    return max(others.returncode, meetings.returncode, key=abs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
