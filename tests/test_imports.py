"""Imports point one way, and importing a module loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    "schema": {"schema"},
    "api": {"api", "schema"},
    "workers": {"workers", "schema"},
    "training": {"training", "workers", "schema"},
    "deploy": {"deploy", "api", "workers", "schema"},
}
OURS = {*ALLOWED, "bench", "tests"}
KEPT_OUT = {"schema": {"torch", "transformers", "fastapi", "celery"}, "api": {"torch", "transformers"}}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def modules() -> list[tuple[str, Path]]:
    return [(package, path) for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize(("package", "path"), modules(), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_a_module_imports_only_what_lies_below_it(package: str, path: Path) -> None:
    names = imported(path)
    assert names & OURS <= ALLOWED[package]
    assert not names & KEPT_OUT.get(package, set())


@pytest.mark.parametrize("module", ["schema.meetings.wire", "schema.mailbox", "api.app", "api.cli", "training.data"])
def test_what_needs_no_model_starts_without_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
