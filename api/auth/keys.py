"""API keys: creating, listing, revoking, checking."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from api.auth.sessions import TOKEN_START, read_session_key
from schema.core.api_keys import find_key, hash_of_key
from schema.core.database import Database
from schema.core.errors import InvalidInput, NotFound, Unauthorized
from schema.core.states import Scope
from schema.core.tables import ApiKey, PageSession, now
from schema.core.wire import LANGUAGES
from schema.webhooks.outbox import Webhook


@dataclass(frozen=True, slots=True)
class Principal:
    """The owner of a key and its scopes. `admin` includes the other scopes and the meetings of every owner.

    `minutes_language` and `template` are those of minutes for meetings that name none.
    """

    owner: str
    scopes: frozenset[Scope]
    requests_per_minute: int | None = None
    minutes_language: str | None = None
    template: str | None = None

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def sees(self, owner: str) -> bool:
        return owner == self.owner or Scope.ADMIN in self.scopes


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just created. `key` cannot be read again later."""

    id: str
    key: str


@dataclass(frozen=True, slots=True)
class KeyFacts:
    id: str
    name: str
    scopes: tuple[Scope, ...]
    requests_per_minute: int | None
    created_at: datetime
    revoked_at: datetime | None


def create_key(
    database: Database,
    name: str,
    scopes: Sequence[Scope],
    requests_per_minute: int | None = None,
    minutes_language: str | None = None,
    template: str | None = None,
) -> NewKey:
    """Create a key. *template* is one that there is. Raises InvalidInput if another value is not valid."""
    if not name.strip() or len(name) > 100:
        raise InvalidInput(f"name {name[:100]!r} is not valid; give 1 to 100 characters that identify the owner")
    if not scopes:
        raise InvalidInput(f"a key without scopes cannot do anything; give one or more of {', '.join(Scope)}")
    if requests_per_minute is not None and requests_per_minute < 1:
        raise InvalidInput(f"requests_per_minute {requests_per_minute} is below 1; leave it out for the default")
    if minutes_language is not None and minutes_language not in LANGUAGES:
        raise InvalidInput(f"minutes_language {minutes_language[:40]!r} is not known; give a code such as 'en' or 'de'")
    key_id = secrets.token_hex(6)
    key = f"mb_{key_id}_{secrets.token_urlsafe(32)}"
    ordered = [scope.value for scope in Scope if scope in scopes]
    with database.write() as session:
        session.add(
            ApiKey(
                id=key_id,
                name=name.strip(),
                key_hash=hash_of_key(key),
                scopes=ordered,
                requests_per_minute=requests_per_minute,
                minutes_language=minutes_language,
                template=template,
            )
        )
    return NewKey(key_id, key)


def list_keys(database: Database) -> list[KeyFacts]:
    """Every key, oldest first."""
    with database.read() as session:
        rows = session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)).all()
    return [
        KeyFacts(row.id, row.name, _scopes(row), row.requests_per_minute, row.created_at, row.revoked_at)
        for row in rows
    ]


def revoke_key(database: Database, key_id: str) -> None:
    """Revoke a key, and delete its webhooks and the sessions of the page that it began. Raises NotFound.

    Every API process refuses it within seconds.
    """
    with database.write() as session:
        row = session.get(ApiKey, key_id)
        if row is None:
            raise NotFound(f"there is no key '{key_id[:40]}'; 'minutebook keys list' shows the ids of all keys")
        row.revoked_at = row.revoked_at or now()
        session.execute(delete(Webhook).where(Webhook.owner == key_id))
        session.execute(delete(PageSession).where(PageSession.key_id == key_id))


def read_principal(database: Database, key: str) -> Principal:
    """The principal of *key*, which may also be the token of a session of the page. Raises Unauthorized.

    The message is the same whatever is wrong with the key.
    """
    row = read_session_key(database, key) if key.startswith(TOKEN_START) else find_key(database, key)
    if row is None or row.revoked_at is not None:
        raise unknown_key()
    return Principal(row.id, frozenset(_scopes(row)), row.requests_per_minute, row.minutes_language, row.template)


def unknown_key() -> Unauthorized:
    return Unauthorized("the API key is not valid or was revoked; create one with 'minutebook keys create'")


def _scopes(row: ApiKey) -> tuple[Scope, ...]:
    return tuple(Scope(scope) for scope in row.scopes)
