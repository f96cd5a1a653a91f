"""Cursors of lists that are served in pages, the newest first."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from schema.core.errors import InvalidInput


def encode_cursor(created_at: datetime, row_id: str) -> str:
    """What comes after this row comes next."""
    return base64.urlsafe_b64encode(f"{created_at.isoformat()} {row_id}".encode()).decode()


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """Raises InvalidInput."""
    try:
        time, _, row_id = base64.urlsafe_b64decode(cursor).decode().rpartition(" ")
        return datetime.fromisoformat(time).astimezone(UTC), row_id
    except ValueError as error:
        raise InvalidInput(f"cursor {cursor[:40]!r} is not one; take `next_cursor` of the page before") from error
