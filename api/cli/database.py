"""`minutebook db`: the database's revision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from schema.core import migrate
from schema.core.database import Database
from schema.core.settings import settings

app = typer.Typer(no_args_is_help=True, help="The database: MINUTEBOOK_DATABASE_URL, or SQLite in MINUTEBOOK_DATA_DIR.")


@contextmanager
def opened() -> Iterator[Database]:
    database = Database(settings().sql_url)
    try:
        yield database
    finally:
        database.close()


@app.command()
def upgrade() -> None:
    """Migrate to the revision that this version needs."""
    with opened() as database:
        migrate.upgrade(database)
        typer.echo(f"{database.url.render_as_string(hide_password=True)} is at revision {migrate.current(database)}")


@app.command()
def current() -> None:
    """The revision that the database is at, and the one needed."""
    with opened() as database:
        typer.echo(f"at {migrate.current(database) or 'no revision'}, needed {migrate.head()}")
