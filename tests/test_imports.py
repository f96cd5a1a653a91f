"""Imports point in one direction, and some modules load without heavy libraries."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
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
INSIDE = {
    "schema.core": {"schema.core"},
    "schema.mailbox": {"schema.core", "schema.mailbox"},
    "schema.adapters": {"schema.core", "schema.adapters"},
    "schema.webhooks": {"schema.core", "schema.webhooks"},
    "api.client": {"api.client"},
    "api.auth": {"api.auth", "api.http", "api.services"},
    "workers.models": {"workers.models"},
    "workers.asr": {"workers.asr", "workers.models"},
    "workers.summarize.text": {"workers.summarize.text"},
    "workers.summarize.checking": {"workers.summarize.checking", "workers.summarize.text", "workers.summarize.writing"},
    "workers.summarize.writing": {"workers.summarize", "workers.models"},
    "workers.webhooks": {"workers.webhooks"},
    "training.metrics": {"training.metrics"},
}
"""What a folder may import of its own package. Folders that are not named here may import all of it."""
EXCEPTIONS = {("schema/core/migrate.py", "schema"): "it compares the database with the tables of every feature"}


def imported(path: Path) -> Iterator[str]:
    """Names of the modules that *path* imports, at any level."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def lies_in(module: str, folder: str) -> bool:
    return module == folder or module.startswith(f"{folder}.")


def modules() -> list[str]:
    return [str(path.relative_to(ROOT)) for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("path", modules())
def test_a_module_imports_only_packages_below_its_own(path: str) -> None:
    package = path.partition("/")[0]
    tops = {name.partition(".")[0] for name in imported(ROOT / path)}
    assert tops & OURS <= ALLOWED[package]
    assert not tops & KEPT_OUT.get(package, set())


@pytest.mark.parametrize("folder", sorted(INSIDE))
def test_a_folder_imports_only_the_folders_below_it(folder: str) -> None:
    package = folder.partition(".")[0]
    for path in sorted((ROOT / folder.replace(".", "/")).rglob("*.py")):
        if (str(path.relative_to(ROOT)), package) in EXCEPTIONS:
            continue
        own = [name for name in imported(path) if lies_in(name, package)]
        wrong = [name for name in own if not any(lies_in(name, allowed) for allowed in INSIDE[folder])]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


@pytest.mark.parametrize("module", ["schema.meetings.wire", "schema.mailbox", "api.app", "training.data"])
def test_modules_that_need_no_model_import_without_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_decoder_of_files_starts_without_the_models_of_requests() -> None:
    heavy = "{'schema.uploads.wire', 'sqlalchemy', 'redis'}"
    code = f"import sys, workers.ingest.decoder; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("command", ["list", "search word", "show ID", "finish ID"])
def test_a_command_that_only_talks_to_the_api_loads_neither_the_server_nor_the_models(command: str) -> None:
    code = f"""
import sys
from api.cli import app
sys.argv = ["minutebook", *{command.split()!r}, "--url", "http://127.0.0.1:1"]
try:
    app()
except SystemExit as ended:
    assert ended.code == 1, ended
heavy = {{"alembic", "av", "celery", "numpy", "redis", "sqlalchemy", "torch", "transformers", "websockets"}}
sys.exit(" ".join(heavy & set(sys.modules)) or 0)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr.splitlines()[1:]) == (0, []), ended.stderr
