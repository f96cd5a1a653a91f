"""The servers that other tests use: the data they keep over a crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg

from tests import servers


def test_a_killed_postgres_recovers_committed_rows() -> None:
    with servers.postgres() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (value integer)")
            connection.execute("INSERT INTO kept VALUES (7)")
        server.kill()
        server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT value FROM kept").fetchall() == [(7,)]


def test_a_killed_valkey_keeps_its_data_only_with_an_append_only_file(tmp_path: Path) -> None:
    for aof in (True, False):
        folder = tmp_path / str(aof)
        folder.mkdir()
        with servers.valkey(folder, aof=aof) as server, server.client() as client:
            client.set("kept", "7")
            server.kill()
            server.start()
            assert client.exists("kept") == int(aof)


def test_the_shared_postgres_answers_a_query(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_shared_postgres_survives_the_start_of_another_test_run(postgres_url: str, tmp_path: Path) -> None:
    other = tmp_path / "test_other.py"
    other.write_text("def test_with_a_folder(tmp_path): pass\n")
    options = ["-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-c", "/dev/null"]
    subprocess.run([sys.executable, "-m", "pytest", *options, str(other)], check=True, stdout=subprocess.DEVNULL)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
