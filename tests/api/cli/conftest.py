"""The command `minutebook` as a user runs it, with a data folder for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from api.cli import app
from schema.core.database import Database
from schema.core.settings import settings
from schema.uploads.tables import Upload
from tests.api.process import ApiProcess


@dataclass(frozen=True, slots=True)
class CommandResult:
    status: int
    out: str
    err: str


RunMinutebook = Callable[..., CommandResult]
"""Runs `minutebook ARGUMENTS`."""


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder of the settings, which name no server that runs."""
    monkeypatch.setenv("MINUTEBOOK_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("MINUTEBOOK_MODEL_DIR", raising=False)
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", "")
    monkeypatch.setenv("MINUTEBOOK_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("MINUTEBOOK_API_PORT", "1")
    monkeypatch.setenv("MINUTEBOOK_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COLUMNS", "240")
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def minutebook(data_dir: Path) -> RunMinutebook:
    """Runs `minutebook ARGUMENTS` in this process."""

    def run(*arguments: str, stdin: bytes = b"") -> CommandResult:
        settings.cache_clear()
        result = CliRunner().invoke(app, list(arguments), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return CommandResult(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def api(tmp_path: Path, valkey_url: str) -> Iterator[ApiProcess]:
    folder = tmp_path / "server"
    folder.mkdir()
    process = ApiProcess(folder, valkey_url)
    process.start()
    yield process
    process.end()


def rows(api: ApiProcess) -> list[Upload]:
    """The uploads in the database, oldest first."""
    database = Database(api.settings.sql_url)
    with database.read() as session:
        found = list(session.scalars(select(Upload).order_by(Upload.created_at)))
    database.close()
    return found
