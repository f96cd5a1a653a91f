"""`If-Match` and `ETag` of what people correct: the version that a change was made for."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Header

from schema.core.errors import InvalidInput

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
