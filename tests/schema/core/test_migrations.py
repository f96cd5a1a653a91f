"""Migrations on both kinds of database, compared with the models."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, Table, select
from sqlalchemy.orm import Session

from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import InvalidInput, Unavailable
from schema.meetings.tables import Meeting, Note, Segment
from schema.minutes.note import NOTE
from workers.summarize.views import minutes_of_notes


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


OLD_NOTE = {
    "first_sample": 0,
    "end_sample": 16_000,
    "title": "Screws",
    "level": 0,
    "sentences": [{"text": "Screws are dear.", "evidence": [1], "support": 0.9, "supported": True}],
    "decisions": [{"text": "We buy bolts.", "evidence": [1], "support": 0.9, "supported": True}],
    "actions": [{"text": "Ben asks.", "owner": "Ben", "due": None, "evidence": [1], "support": 0.9, "supported": True}],
}


def insert(session: Session, table: str, **values: Any) -> None:
    """Insert a row into a table as it is in the database, which may be older than the models."""
    reflected = Table(table, MetaData(), autoload_with=session.connection())
    session.execute(reflected.insert().values(**values))


def test_notes_of_older_versions_become_changes_and_keep_their_segments(database: Database) -> None:
    migrate.upgrade(database, "0009")
    moment = datetime(2026, 3, 2, 10, tzinfo=UTC)
    span = {"first_sample": 0, "end_sample": 16_000}
    with database.write() as session:
        insert(
            session,
            "meetings",
            id="m",
            owner="o",
            title="",
            language="en",
            vocabulary=[],
            state="live",
            seq=3,
            created_at=moment,
            version=1,
            shown=True,
            notes_seq=0,
        )
        insert(
            session,
            "tracks",
            id="t",
            meeting_id="m",
            name="main",
            kind="live",
            received_sample=0,
            committed_sample=0,
            epoch=0,
        )
        for key, level in ((2, 1), (1, 0)):
            insert(
                session,
                "notes",
                id=key,
                meeting_id="m",
                seq=key,
                level=level,
                ordinal=0,
                body=OLD_NOTE,
                model="m",
                created_at=moment,
                merged_into=2 if level == 0 else None,
                **span,
            )
        insert(
            session,
            "segments",
            id=1,
            meeting_id="m",
            track_id="t",
            seq=1,
            text="Screws are dear.",
            words=[],
            closed=True,
            note_id=1,
            model="m",
            version=1,
            corrected=False,
            **span,
        )
    migrate.upgrade(database)
    with database.read() as session:
        [note] = session.scalars(select(Note)).all()
        assert session.get_one(Segment, 1).note_id == note.id
        minutes = minutes_of_notes([NOTE.validate_python(note.body)], "en")
    assert [each.text for each in minutes.chapters[0].sentences] == ["Screws are dear."]
    assert [each.text for each in minutes.decisions] == ["We buy bolts."]
    assert [(each.owner, each.text) for each in minutes.actions] == [("Ben", "Ben asks.")]
    database.close()
