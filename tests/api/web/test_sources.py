"""The built files of the page match its sources, and the sources pass their own checks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from api.web.assets import BUILT
from api.web.document import document
from tests.api.web.node import SOURCES, install_packages, require, run


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    install_packages()


def test_the_built_files_match_the_sources(tmp_path: Path) -> None:
    run(require("node"), "build.mjs", str(tmp_path))
    built = {path.name: path.read_bytes() for path in BUILT.iterdir()}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == built, "run: make page"


def test_the_types_of_the_page_are_those_of_the_api(tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document()))
    generated = tmp_path / "openapi.d.ts"
    run(
        str(SOURCES / "node_modules/.bin/openapi-typescript"),
        str(tmp_path / "openapi.json"),
        "--output",
        str(generated),
        "--alphabetize",
    )
    assert generated.read_text() == (SOURCES / "src/server/openapi.d.ts").read_text(), "run: make page"


def test_the_sources_are_typed_and_linted() -> None:
    run(require("npm"), "run", "--silent", "check")
    run(require("npm"), "run", "--silent", "lint")


def test_the_unit_tests_of_the_page_pass() -> None:
    output = run(require("npm"), "run", "--silent", "test")
    passed = re.search(r"^(?:# |ℹ )pass (\d+)$", output, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= 15


def test_no_source_writes_markup_from_text() -> None:
    """Everything that people said or typed becomes text nodes."""
    for path in (SOURCES / "src").rglob("*.ts*"):
        assert not re.search(
            r"innerHTML|dangerouslySetInnerHTML|insertAdjacentHTML|document\.write", path.read_text()
        ), path
