"""Adapters by name, from the registry in SQL."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from schema.database import Database
from schema.errors import UnknownAdapter
from schema.tables import Adapter


def adapter_folder(database: Database, name: str, task: str) -> Path:
    """Where the files of adapter *name* for *task* (`asr` or `summary`) lie. Raises UnknownAdapter."""
    with database.read() as session:
        folder = session.scalar(select(Adapter.folder).where(Adapter.name == name, Adapter.task == task))
    if folder is None:
        raise UnknownAdapter(f"no {task} adapter '{name}' is in the registry; register it or leave the field out")
    return Path(folder)
