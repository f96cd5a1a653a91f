"""Sessions of the page: a browser sends a key once and gets a cookie, `mbs_<id>_<secret>`. Its SHA-256 is stored."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from schema.core.database import Database
from schema.core.errors import Unauthorized
from schema.core.tables import ApiKey, PageSession, now

TOKEN_START = "mbs_"  # noqa: S105 - how every token begins
TOKEN_PATTERN = re.compile(r"mbs_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
SESSION_DAYS = 30
SESSIONS_OF_A_KEY = 50
"""A further session ends the oldest one of its key."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just created. `token` cannot be read again later."""

    token: str
    expires_at: datetime


def create_session(database: Database, key_id: str) -> NewSession:
    """Create a session of the key *key_id*, and delete those that have expired or are too many."""
    session_id = secrets.token_hex(6)
    new = NewSession(f"mbs_{session_id}_{secrets.token_urlsafe(32)}", now() + timedelta(days=SESSION_DAYS))
    with database.write() as session:
        session.execute(delete(PageSession).where(PageSession.expires_at < now()))
        newest = select(PageSession.id).where(PageSession.key_id == key_id).order_by(PageSession.created_at.desc())
        old = session.scalars(newest.offset(SESSIONS_OF_A_KEY - 1)).all()
        session.execute(delete(PageSession).where(PageSession.id.in_(old)))
        session.add(PageSession(id=session_id, token_hash=_hash(new.token), key_id=key_id, expires_at=new.expires_at))
    return new


def end_session(database: Database, token: str) -> None:
    """End the session of *token*. Every API process refuses it within seconds. Ending it again changes nothing."""
    with database.write() as session:
        session.execute(delete(PageSession).where(PageSession.token_hash == _hash(token)))


def read_session_key(database: Database, token: str) -> ApiKey:
    """The key with which the session of *token* began. Raises Unauthorized."""
    match = TOKEN_PATTERN.fullmatch(token)
    if match is None:
        raise ended_session()
    with database.read() as session:
        found = session.get(PageSession, match[1])
        if found is None or not hmac.compare_digest(found.token_hash, _hash(token)) or found.expires_at < now():
            raise ended_session()
        return session.get_one(ApiKey, found.key_id)


def ended_session() -> Unauthorized:
    return Unauthorized("this browser is no longer signed in; open the page and sign in with a key")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
