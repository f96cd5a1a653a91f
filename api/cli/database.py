"""`minutebook db` and `minutebook keys`: commands that work on the database itself, without the API."""

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
from schema.core.command_line import id_column
from schema.core.database import Database
from schema.core.lines import shown
from schema.core.settings import settings
from schema.core.states import Scope
from schema.templates.template import find_template

app = typer.Typer(
    no_args_is_help=True,
    help="Manage the database at MINUTEBOOK_DATABASE_URL; by default SQLite in MINUTEBOOK_DATA_DIR.",
)


@contextmanager
def open_database() -> Iterator[Database]:
    database = Database(settings().sql_url)
    try:
        yield database
    finally:
        database.close()


@app.command()
def upgrade() -> None:
    """Migrate the database to the revision that this version of Minutebook needs."""
    with open_database() as database:
        migrate.upgrade(database)
        typer.echo(f"{database.url.render_as_string(hide_password=True)} is at revision {migrate.current(database)}")


@app.command()
def current() -> None:
    """Print the revision of the database and the revision that is needed."""
    with open_database() as database:
        typer.echo(f"at {migrate.current(database) or 'no revision'}, needed {migrate.head()}")


keys = typer.Typer(
    no_args_is_help=True, help="Manage API keys, which are needed unless the API listens on loopback only."
)


@keys.command()
def create(
    name: Annotated[str, typer.Option(help="The owner of the key, for the list of keys.")],
    scope: Annotated[list[Scope], typer.Option(help="What the key may do; repeat for several.")] = [  # noqa: B006
        Scope.READ,
        Scope.WRITE,
    ],
    requests_per_minute: Annotated[int | None, typer.Option(help="The key's own limit.")] = None,
    minutes_language: Annotated[
        str | None, typer.Option(help="The language of the minutes of meetings that name none: en, de, ...")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="The template of the minutes of meetings that name none.")
    ] = None,
) -> None:
    """Create a key and print it.

    Copy it now: only its hash is stored, so it cannot be shown again.
    """
    if template is not None:
        find_template(template, settings().template_dir)
    with open_database() as database:
        typer.echo(create_key(database, name, scope, requests_per_minute, minutes_language, template).key)


@keys.command("list")
def list_all() -> None:
    """List all keys, including revoked ones."""
    with open_database() as database:
        found = list_keys(database)
    ids = id_column("id", [key.id for key in found])
    table = Table(ids, "name", "scopes", "per minute", "created", "revoked", box=None)
    for key in found:
        revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
        limit = str(key.requests_per_minute or "")
        created = f"{key.created_at:%Y-%m-%d %H:%M}"
        table.add_row(key.id, Text(shown(key.name)), ", ".join(key.scopes), limit, created, revoked)
    Console().print(table if found else "no keys yet; create one with 'minutebook keys create --name NAME'")


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as shown by 'minutebook keys list'.")],
) -> None:
    """Revoke a key. Every API process refuses it within seconds."""
    with open_database() as database:
        revoke_key(database, key_id)
