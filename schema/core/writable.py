"""Whether a database takes writes at the moment, asked without leaving anything in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, delete, false

from schema.core.database import BESIDE, Database
from schema.core.errors import Unavailable
from schema.core.tables import Meeting


def check_writable(database: Database) -> None:
    """Raise Unavailable, with the remedy, when nothing can be written now."""
    for path in _files(database.url):
        # A file that was made read-only after it was opened fails at the next checkpoint only, and then for everybody.
        if not os.access(path, os.W_OK):
            raise Unavailable(f"{path} is read-only, and the database must write it; give this user the right to")
    with database.write() as session:
        session.execute(delete(Meeting).where(false()))


def _files(url: URL) -> Iterator[Path]:
    """The files and the folder that SQLite has to write, as far as they are there."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith("file:"):
        return
    main = Path(url.database)
    yield main.parent
    yield from (path for end in BESIDE if (path := main.with_name(main.name + end)).exists())
