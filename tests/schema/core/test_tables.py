"""Times go into both databases and come back in UTC, whatever the zone of the server and of the process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from schema.core import migrate
from schema.core.database import Database
from schema.core.tables import ApiKey, now
from tests.servers import fresh_postgres, set_zone

ZONES = ("UTC", "Etc/UTC", "Europe/Berlin", "America/St_Johns")
SUMMER_TIME_BEGINS = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
"""In Europe/Berlin the clock goes from 1:59 to 3:00 at this moment."""


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone of this process."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, zone: str, tmp_path: Path) -> Iterator[Database]:
    """A database whose server has the zone of this process."""
    url = f"sqlite:///{tmp_path / 'minutebook.db'}"
    if request.param == "postgresql":
        url = fresh_postgres(request.getfixturevalue("postgres_url"), "times")
        set_zone(url, zone)
    database = Database(url)
    migrate.upgrade(database)
    yield database
    database.close()


def store(database: Database, key_id: str, created_at: datetime) -> None:
    with database.write() as session:
        session.add(ApiKey(id=key_id, name="a", key_hash=key_id, scopes=[], created_at=created_at))


def test_a_time_comes_back_in_utc_and_compares_in_sql(database: Database) -> None:
    times = [SUMMER_TIME_BEGINS + timedelta(minutes=minutes) for minutes in (-30, 0, 30)]
    for index, at in enumerate(times):
        store(database, f"key{index}", at.astimezone(timezone(timedelta(hours=-3, minutes=-30))))
    with database.read() as session:
        stored = session.scalars(select(ApiKey.created_at).order_by(ApiKey.created_at)).all()
        before = session.scalars(select(ApiKey.id).where(ApiKey.created_at < times[1])).all()
    assert [at.isoformat() for at in stored] == [at.isoformat() for at in times]
    assert all(at.tzinfo is UTC for at in stored)
    assert before == ["key0"]


def test_now_is_neither_early_nor_late_after_storing(database: Database) -> None:
    at = now()
    store(database, "key", at)
    with database.read() as session:
        assert session.scalars(select(ApiKey.created_at)).one() == at


def test_a_time_without_a_zone_is_not_stored(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'minutebook.db'}")
    migrate.upgrade(database)
    with pytest.raises(StatementError, match=r"has no zone; use now\(\)"):
        store(database, "key", SUMMER_TIME_BEGINS.replace(tzinfo=None))
    database.close()
