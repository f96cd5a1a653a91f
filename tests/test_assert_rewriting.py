"""A failed assert in a helper module shows the values it compared, as one in a test does."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import AssertionRewritingHook

ROOT = Path(__file__).parents[1]
FAILING_TEST = """
from schema.mailbox import AudioSpan
from {helper} import merged

def test_spans_with_a_gap_between_them():
    merged([AudioSpan(0, 5, None), AudioSpan(7, 9, None)])
"""


def helper_modules() -> list[str]:
    """Names of the modules below `tests` that pytest does not collect and would not rewrite unasked."""
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "tests").rglob("*.py")]
    helpers = [path for path in paths if not path.name.startswith(("test_", "__")) and path.name != "conftest"]
    return sorted(".".join(path.parts) for path in helpers)


@pytest.mark.parametrize("name", helper_modules())
def test_every_helper_module_has_its_asserts_rewritten(name: str) -> None:
    found = importlib.util.find_spec(name)
    assert found is not None
    assert isinstance(found.loader, AssertionRewritingHook)


def test_a_failed_assert_of_a_helper_shows_both_values(tmp_path: Path) -> None:
    path = tmp_path / "test_failing.py"
    helper = next(name for name in helper_modules() if name.endswith(".track_model"))
    path.write_text(FAILING_TEST.format(helper=helper))
    options = ["-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-c", "/dev/null"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout
    assert "assert (" in run.stdout
    assert "5 == 7" in run.stdout
