"""Empty databases on the session's PostgreSQL."""

from __future__ import annotations

from sqlalchemy import create_engine, text


def fresh_postgres(postgres_url: str, name: str) -> str:
    """Create the database *name*, dropping an old one of that name, and return its URL."""
    engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = engine.url.set(database=name, drivername="postgresql")
    engine.dispose()
    return url.render_as_string(hide_password=False)
