"""The log of Flower's process."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import logging
from deploy.flower import write_log

write_log()
for _ in range(3):
    try:
        raise OSError("MISCONF Errors writing to the AOF file: No space left on device")
    except OSError:
        logging.getLogger("kombu").warning("Redis error, will retry", exc_info=True)
"""


def test_a_full_disk_is_one_line_without_a_traceback() -> None:
    log = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stderr
    assert len(log.splitlines()) == 1, log
    assert "Redis error, will retry (MISCONF Errors writing" in log
    assert "free some space" in log
