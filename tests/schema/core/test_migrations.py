"""Migrations on both kinds of database, compared with the models."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import InvalidInput, Unavailable
from schema.meetings.tables import Meeting


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'minutebook.db'}")
    database = Database(request.getfixturevalue("postgres_url"))
    migrate.downgrade(database, "base") if migrate.current(database) else None
    return database


def test_upgrade_downgrade_and_upgrade_end_with_the_tables_of_the_models(database: Database) -> None:
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()
    assert migrate.differences(database) == []
    migrate.downgrade(database, "base")
    assert migrate.current(database) is None
    migrate.upgrade(database)
    assert migrate.differences(database) == []
    database.close()


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    migrate.upgrade(database)
    with database.write() as session:
        session.add(Meeting(id="m", owner="local"))
    migrate.upgrade(database)
    with database.read() as session:
        assert session.get_one(Meeting, "m").state == "live"
    database.close()


def test_a_database_without_tables_is_reported_with_the_command_that_creates_them(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(Unavailable, match="minutebook db upgrade"), database.read() as session:
        session.get(Meeting, "m")
    database.close()


def test_an_unreachable_server_is_reported_without_its_password() -> None:
    database = Database("postgresql://someone:hunter2@127.0.0.1:1/minutebook")
    with pytest.raises(Unavailable) as caught, database.read() as session:
        session.get(Meeting, "m")
    assert "127.0.0.1:1" in caught.value.detail
    assert "hunter2" not in caught.value.detail
    database.close()


def test_a_malformed_url_is_refused() -> None:
    with pytest.raises(InvalidInput, match="MINUTEBOOK_DATABASE_URL"):
        Database("minutes.db")
