"""Finishing and deleting, interrupted at every point and called again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import select

from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import Gone, MailboxMissing, NotFound, TrackClosed, Unavailable
from schema.core.states import MeetingState
from schema.mailbox import Mailbox
from schema.meetings.lifecycle import delete_meeting, finish_meeting, unfinished
from schema.meetings.tables import Meeting, Track
from schema.stores import Stores

SECOND = b"\x01\x00" * 16_000
LIMIT = 16_000 * 60


class Interrupted(Exception):
    """The process dies here."""


class DyingMailbox(Mailbox):
    """A real mailbox in a process that dies before the operation called *at*."""

    def __init__(self, client: Redis, at: str) -> None:
        super().__init__(client)
        self.at = at

    def close(self, *args: object, **options: object) -> object:  # type: ignore[override]
        return self._die_or("close", *args, **options)

    def forget(self, *args: object) -> None:
        self._die_or("forget", *args)

    def _die_or(self, name: str, *args: object, **options: object) -> object:
        if self.at == name:
            raise Interrupted
        return getattr(Mailbox, name)(self, *args, **options)


@pytest.fixture
def mailbox(redis_client: Redis) -> Mailbox:
    return Mailbox(redis_client)


@pytest.fixture
def database(tmp_path: Path, mailbox: Mailbox) -> Iterator[Database]:
    """A live meeting `m` with the tracks `a` (2 s received) and `b` (nothing, and no mailbox yet)."""
    database = Database(f"sqlite:///{tmp_path / 'm.db'}")
    migrate.upgrade(database)
    with database.write() as session:
        session.add(Meeting(id="m", owner="local", title="Secret"))
        session.flush()
        session.add_all([Track(id="a", meeting_id="m", name="a"), Track(id="b", meeting_id="m", name="b")])
    mailbox.open("a", committed_sample=0, epoch=0, backlog_limit_samples=LIMIT)
    mailbox.append("a", 0, SECOND * 2)
    yield database
    database.close()


def stores_of(database: Database, mailbox: Mailbox) -> Stores:
    """There are no files here."""
    assert isinstance(mailbox.client, Redis)
    return Stores(database, mailbox.client, mailbox, storage_url="")


def finish(database: Database, mailbox: Mailbox) -> MeetingState:
    return finish_meeting(stores_of(database, mailbox), "m", LIMIT).state


def ends(database: Database) -> dict[str, int | None]:
    with database.read() as session:
        return {track.id: track.closed_sample for track in session.scalars(select(Track))}


def left(database: Database) -> list[str]:
    with database.read() as session:
        return unfinished(session)


def test_finishing_closes_the_mailboxes_and_keeps_their_ends(database: Database, mailbox: Mailbox) -> None:
    assert finish(database, mailbox) == MeetingState.DRAINING
    assert ends(database) == {"a": 32_000, "b": 0}
    assert left(database) == []
    with pytest.raises(TrackClosed):
        mailbox.append("a", 32_000, SECOND)


def test_a_finish_that_died_is_listed_and_completed_by_the_next(database: Database, redis_client: Redis) -> None:
    with pytest.raises(Interrupted):
        finish(database, DyingMailbox(redis_client, "close"))
    assert left(database) == ["m"]
    mailbox = Mailbox(redis_client)
    mailbox.append("a", 32_000, SECOND)  # was accepted, so it counts
    assert finish(database, mailbox) == MeetingState.DRAINING
    assert ends(database) == {"a": 48_000, "b": 0}


def test_finishing_again_changes_nothing(database: Database, mailbox: Mailbox) -> None:
    finish(database, mailbox)
    with database.read() as session:
        at = session.get_one(Meeting, "m").finished_at
    assert finish(database, mailbox) == MeetingState.DRAINING
    with database.read() as session:
        assert session.get_one(Meeting, "m").finished_at == at
    assert ends(database) == {"a": 32_000, "b": 0}


def test_what_redis_lost_after_the_finish_is_booked_as_missing(
    database: Database, mailbox: Mailbox, redis_client: Redis
) -> None:
    finish(database, mailbox)
    redis_client.flushdb()
    finish(database, mailbox)
    status = mailbox.status("a")
    assert (status.received_sample, status.closed) == (32_000, True)
    assert [span.pcm for span in mailbox.read("a", 0, LIMIT)] == [None]


def test_a_meeting_that_is_being_summarised_stays_as_it_is(database: Database, mailbox: Mailbox) -> None:
    with database.write() as session:
        session.get_one(Meeting, "m").state = MeetingState.SUMMARIZING
    assert finish(database, mailbox) == MeetingState.SUMMARIZING


def test_without_redis_finishing_is_refused_and_can_be_done_again(database: Database, mailbox: Mailbox) -> None:
    with Redis(port=1, socket_connect_timeout=1) as nowhere, pytest.raises(Unavailable):
        finish(database, Mailbox(nowhere))
    assert left(database) == ["m"]
    assert finish(database, mailbox) == MeetingState.DRAINING
    assert left(database) == []


def test_a_delete_that_died_is_listed_and_completed_by_the_next(
    database: Database, mailbox: Mailbox, redis_client: Redis
) -> None:
    with pytest.raises(Interrupted):
        delete_meeting(stores_of(database, DyingMailbox(redis_client, "forget")), "m")
    assert left(database) == ["m"]
    delete_meeting(stores_of(database, mailbox), "m")
    assert left(database) == []
    assert ends(database) == {}
    with pytest.raises(MailboxMissing):
        mailbox.status("a")
    with database.read() as session:
        grave = session.get_one(Meeting, "m")
        assert (grave.state, grave.title) == ("deleted", "")


def test_a_deleted_meeting_cannot_be_finished(database: Database, mailbox: Mailbox) -> None:
    delete_meeting(stores_of(database, mailbox), "m")
    with pytest.raises(Gone):
        finish(database, mailbox)


def test_an_unknown_meeting_is_named(database: Database, mailbox: Mailbox) -> None:
    with pytest.raises(NotFound, match="'nothing'"):
        finish_meeting(stores_of(database, mailbox), "nothing", LIMIT)
    with pytest.raises(NotFound, match="'nothing'"):
        delete_meeting(stores_of(database, mailbox), "nothing")
