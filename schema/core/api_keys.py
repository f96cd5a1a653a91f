"""API keys in the database: `mb_<id>_<secret>`, of which only the SHA-256 is stored."""

from __future__ import annotations

import hashlib
import hmac
import re

from schema.core.database import Database
from schema.core.tables import ApiKey

KEY_PATTERN = re.compile(r"mb_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


def find_key(database: Database, key: str) -> ApiKey | None:
    """The row of *key*. None if there is no such key or it was revoked. Raises Unavailable."""
    match = KEY_PATTERN.fullmatch(key)
    if match is None:
        return None
    with database.read() as session:
        row = session.get(ApiKey, match[1])
    is_same = row is not None and hmac.compare_digest(row.key_hash, hash_of_key(key))
    return row if row is not None and is_same and row.revoked_at is None else None


def hash_of_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
