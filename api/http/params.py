"""Whole numbers where no schema checks them: in headers and on sockets."""

from __future__ import annotations

from schema.core.errors import InvalidInput

DIGITS = 18
"""So many always fit a 64-bit column."""


def whole_number(name: str, value: str) -> int:
    """Raises InvalidInput that names *name* and the value."""
    if not (value.isascii() and value.isdigit() and len(value) <= DIGITS):
        raise InvalidInput(f"{name} = {value[:40]!r} is not a whole number; leave it out or give one from 0")
    return int(value)
