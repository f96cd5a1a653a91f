"""`python -m deploy.migrate`: bring the database to the revision that this code needs."""

from __future__ import annotations

import sys

from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import MinutebookError
from schema.core.settings import settings


def main() -> int:
    database = Database(settings().sql_url)
    try:
        before = migrate.current(database)
        migrate.upgrade(database)
        print(f"database at revision {migrate.current(database)} (was {before})")
    except MinutebookError as error:
        print(f"migration failed: {error}", file=sys.stderr)
        return 1
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
