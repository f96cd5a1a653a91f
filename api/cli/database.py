"""`minutebook db` and `minutebook keys`: what is done to the database itself, without the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.auth.keys import create_key, list_keys, revoke_key
from schema.core import migrate
from schema.core.database import Database
from schema.core.settings import settings
from schema.core.states import Scope

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


keys = typer.Typer(no_args_is_help=True, help="API keys. They are needed unless the API listens on loopback only.")


@keys.command()
def create(
    name: Annotated[str, typer.Option(help="Whose key it is, for the list.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; give it again for another.")] = [  # noqa: B006
        Scope.READ,
        Scope.WRITE,
    ],
    requests_per_minute: Annotated[int | None, typer.Option(help="A limit of its own.")] = None,
) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    with opened() as database:
        typer.echo(create_key(database, name, scope, requests_per_minute).key)


@keys.command("list")
def list_all() -> None:
    """All keys, also revoked ones."""
    with opened() as database:
        found = list_keys(database)
    table = Table("id", "name", "scopes", "per minute", "created", "revoked", box=None)
    for key in found:
        revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
        limit = str(key.requests_per_minute or "")
        created = f"{key.created_at:%Y-%m-%d %H:%M}"
        table.add_row(key.id, Text(key.name), ", ".join(key.scopes), limit, created, revoked)
    Console().print(table if found else "no keys yet; 'minutebook keys create --name NAME' makes one")


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="As 'keys list' shows it.")]) -> None:
    """Make a key useless, at every API process within seconds."""
    with opened() as database:
        revoke_key(database, key_id)
