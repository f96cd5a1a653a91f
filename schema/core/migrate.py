"""Migrations of the database: upgrade, downgrade, and comparison with the code."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from schema.adapters import tables as adapter_tables  # noqa: F401 - registers its tables in the metadata
from schema.core.database import Database
from schema.core.tables import Base
from schema.corrections import segments as corrections  # noqa: F401 - registers its tables in the metadata
from schema.corrections import sentences as sentence_corrections  # noqa: F401 - registers its tables in the metadata
from schema.kept_audio import tables as kept_audio  # noqa: F401 - registers its tables in the metadata
from schema.meetings.search import INDEX_NAME, INDEX_TABLE
from schema.off_record import passages as off_record  # noqa: F401 - registers its tables in the metadata
from schema.shares import tables as share_tables  # noqa: F401 - registers its tables in the metadata
from schema.speakers import tables as speaker_tables  # noqa: F401 - registers its tables in the metadata
from schema.typed_notes import notes as typed_notes  # noqa: F401 - registers its tables in the metadata
from schema.uploads import tables as upload_tables  # noqa: F401 - registers its tables in the metadata
from schema.webhooks import outbox as webhooks  # noqa: F401 - registers its tables in the metadata

FOLDER = Path(__file__).parents[1] / "migrations"


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate up to *revision*. It may run twice and in two processes at once, because it is one transaction."""
    with database.write() as session:
        command.upgrade(_config(session.connection()), revision)


def downgrade(database: Database, revision: str) -> None:
    """Migrate down to *revision* (`base` empties the database)."""
    with database.write() as session:
        command.downgrade(_config(session.connection()), revision)


def current(database: Database) -> str | None:
    """The revision of the database; None if it was never migrated."""
    with database.read() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


def head() -> str:
    """The revision that this code needs."""
    revision = ScriptDirectory.from_config(_config(None)).get_current_head()
    if revision is None:
        raise RuntimeError(f"no migrations in {FOLDER}")
    return revision


def differences(database: Database) -> list[object]:
    """The changes that Alembic's autogenerate would make. Empty if the migrated schema equals the models."""
    with database.read() as session:
        options = {"compare_type": True, "include_name": is_ours}
        context = MigrationContext.configure(session.connection(), opts=options)
        return list(compare_metadata(context, Base.metadata))


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether the models define a table or index. They leave out full-text search, which differs by database."""
    return not ((kind == "table" and str(name).startswith(INDEX_TABLE)) or (kind == "index" and name == INDEX_NAME))


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
