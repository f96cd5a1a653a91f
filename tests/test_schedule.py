"""`make test` assigns whole stacks and whole files to processes, and its lists name existing folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.schedule import FIRST, TOGETHER, group

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("folder", sorted({*FIRST, *TOGETHER}))
def test_every_folder_in_the_lists_exists(folder: str) -> None:
    assert list((ROOT / folder).rglob("test_*.py"))


def test_tests_of_one_stack_stay_together_and_others_are_grouped_by_file() -> None:
    kills, uploads = "tests/faults/test_kills.py::test_a", "tests/faults/test_uploads.py::test_b[x/y::z]"
    assert group(kills) == group(uploads) == "tests/faults"
    assert group("tests/api/live/test_socket.py::test_c[x/y::z]") == "tests/api/live/test_socket.py"
