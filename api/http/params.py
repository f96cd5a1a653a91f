"""Parameters that no schema checks: whole numbers in headers and on sockets, cursors of pages, ETags."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Header

from schema.core.errors import InvalidInput

DIGITS = 18
"""A number of this length always fits a 64-bit column."""
ID_LIMIT = 2**63 - 1
"""The largest id that a 64-bit column holds."""


def parse_whole_number(name: str, value: str) -> int:
    """Parse a number of up to 18 digits. Raises InvalidInput with *name* and the value."""
    if not (value.isascii() and value.isdigit() and len(value) <= DIGITS):
        raise InvalidInput(f"{name} = {value[:40]!r} is not a whole number; leave it out or give one that is 0 or more")
    return int(value)


def encode_cursor(created_at: datetime, row_id: str) -> str:
    """Encode the last row of a page. The next page begins after it."""
    return base64.urlsafe_b64encode(f"{created_at.isoformat()} {row_id}".encode()).decode()


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """Returns the time, in UTC, and the id of the row. Raises InvalidInput."""
    try:
        time, _, row_id = base64.urlsafe_b64decode(cursor).decode().rpartition(" ")
        created_at = datetime.fromisoformat(time)
        if created_at.tzinfo is None or "\0" in row_id:  # PostgreSQL refuses to compare with a text that contains NUL
            raise ValueError(cursor)
        return created_at.astimezone(UTC), row_id
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"cursor {cursor[:40]!r} is not valid; use `next_cursor` of the previous page") from error


_ETAG = re.compile(r'\s*(?:W/)?"(\d{1,9})"\s*')
IfMatch = Annotated[
    str | None, Header(description='Apply the change only to this version, given as in the `ETag` of the answer: `"2"`')
]


def etag_of(version: int) -> str:
    """The `ETag` of *version*."""
    return f'"{version}"'


def expected_version(if_match: str | None) -> int | None:
    """The version that *if_match* names, None if any version will do. Raises InvalidInput."""
    if if_match is None or if_match.strip() == "*":
        return None
    tag = _ETAG.fullmatch(if_match)
    if tag is None:
        raise InvalidInput(
            f'If-Match {if_match[:40]!r} does not name a version; send the ETag that you received, such as "2"'
        )
    return int(tag[1])
