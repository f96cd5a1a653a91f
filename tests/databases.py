"""Empty databases on the session's PostgreSQL."""

from __future__ import annotations

from sqlalchemy import create_engine, text


def fresh_postgres(postgres_url: str, name: str) -> str:
    """The URL of a new database called *name*; an old one of that name is dropped."""
    engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = engine.url.set(database=name, drivername="postgresql")
    engine.dispose()
    return url.render_as_string(hide_password=False)
