"""The base of all tables, and those of API keys and sessions of the page. Each feature has its own `tables`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Case,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    case,
)
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, mapped_column


class Time(TypeDecorator[datetime]):
    """A time with its zone. It is stored and returned in UTC, whatever the zone of the server and of this process.

    SQLite stores no zone, and PostgreSQL returns times in the zone of its session. A time without a zone cannot be
    stored: binding it raises ValueError.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"the time {value.isoformat()} has no zone; use now(), or give it tzinfo=UTC")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Id = BigInteger().with_variant(Integer, "sqlite")


def now() -> datetime:
    """The current time in UTC. Stored times are for people: a clock may jump, so leases and positions do not use it."""
    return datetime.now(UTC)


def at_least(column: InstrumentedAttribute[int], value: int) -> Case[int]:
    """SQL for the larger of the two. SQLite and PostgreSQL share no function for it."""
    return case((column < value, value), else_=column)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON, datetime: Time}  # noqa: RUF012


class ApiKey(Base):
    """An API key. Only its SHA-256 is stored. Keys are long random strings, so no slow hash is needed.

    `minutes_language` and `template` are those of the minutes of its meetings, if they name none.
    """

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]]
    requests_per_minute: Mapped[int | None]
    minutes_language: Mapped[str | None] = mapped_column(String(16))
    template: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]


class PageSession(Base):
    """A browser in which somebody has signed in with a key. Only the SHA-256 of the session's token is stored."""

    __tablename__ = "page_sessions"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
