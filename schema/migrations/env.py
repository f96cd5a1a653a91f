"""Alembic's entry point. The connection comes from `schema.core.migrate`, through which all commands run."""

from __future__ import annotations

from alembic import context

from schema.core import migrate
from schema.core.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    include_name=migrate.is_ours,
)
with context.begin_transaction():
    context.run_migrations()
