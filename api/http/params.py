"""Whole numbers where no schema checks them: in headers and on sockets."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Header

from schema.core.errors import InvalidInput

DIGITS = 18
"""So many always fit a 64-bit column."""


def whole_number(name: str, value: str) -> int:
    """Raises InvalidInput that names *name* and the value."""
    if not (value.isascii() and value.isdigit() and len(value) <= DIGITS):
        raise InvalidInput(f"{name} = {value[:40]!r} is not a whole number; leave it out or give one from 0")
    return int(value)


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


_ETAG = re.compile(r'\s*(?:W/)?"(\d{1,9})"\s*')
IfMatch = Annotated[
    str | None, Header(description='Only if what is changed is at this version, as its `ETag` says: `"2"`')
]


def tag_of(version: int) -> str:
    """The `ETag`."""
    return f'"{version}"'


def version_of(if_match: str | None) -> int | None:
    """None where any version will do. Raises InvalidInput."""
    if if_match is None or if_match.strip() == "*":
        return None
    tag = _ETAG.fullmatch(if_match)
    if tag is None:
        raise InvalidInput(f'If-Match {if_match[:40]!r} names no version; send the ETag of what you saw, such as "2"')
    return int(tag[1])
