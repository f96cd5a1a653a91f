"""Finishing and deleting a meeting, interrupted at each step and repeated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import select

from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import Gone, MailboxMissing, NotFound, TrackClosed, Unavailable
from schema.core.states import MeetingState
from schema.mailbox import Mailbox
from schema.meetings.lifecycle import close_tracks, delete_meeting, finish_meeting, unfinished
from schema.meetings.tables import Meeting, Track
from schema.stores import Stores
from tests.crash import SimulatedCrash
from tests.data_loss import MailboxThatLosesAllData

SECOND = b"\x01\x00" * 16_000
LIMIT = 16_000 * 60


class MailboxThatCrashes(Mailbox):
    """A real mailbox whose process dies before the operation named *at*."""

    def __init__(self, client: Redis, at: str) -> None:
        super().__init__(client)
        self.at = at

    def close(self, *args: object, **options: object) -> object:  # type: ignore[override]
        return self._die_or("close", *args, **options)

    def forget(self, *args: object) -> None:
        self._die_or("forget", *args)

    def _die_or(self, name: str, *args: object, **options: object) -> object:
        if self.at == name:
            raise SimulatedCrash
        return getattr(Mailbox, name)(self, *args, **options)


@pytest.fixture
def mailbox(redis_client: Redis) -> Mailbox:
    return Mailbox(redis_client)


@pytest.fixture
def database(tmp_path: Path, mailbox: Mailbox) -> Iterator[Database]:
    """A live meeting `m` with the tracks `a`, 2 s received, and `b`, without audio or mailbox."""
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
    """Stores without files."""
    assert isinstance(mailbox.client, Redis)
    return Stores(database, mailbox.client, mailbox, storage_url="")


def finish(database: Database, mailbox: Mailbox) -> MeetingState:
    return finish_meeting(stores_of(database, mailbox), "m", LIMIT).state


def closed_samples(database: Database) -> dict[str, int | None]:
    with database.read() as session:
        return {track.id: track.closed_sample for track in session.scalars(select(Track))}


def unfinished_ids(database: Database) -> list[str]:
    with database.read() as session:
        return unfinished(session)


def test_finishing_closes_the_mailboxes_and_stores_their_ends(database: Database, mailbox: Mailbox) -> None:
    assert finish(database, mailbox) == MeetingState.DRAINING
    assert closed_samples(database) == {"a": 32_000, "b": 0}
    assert unfinished_ids(database) == []
    with pytest.raises(TrackClosed):
        mailbox.append("a", 32_000, SECOND)


def test_an_interrupted_finish_is_listed_and_completed_by_the_next(database: Database, redis_client: Redis) -> None:
    with pytest.raises(SimulatedCrash):
        finish(database, MailboxThatCrashes(redis_client, "close"))
    assert unfinished_ids(database) == ["m"]
    mailbox = Mailbox(redis_client)
    mailbox.append("a", 32_000, SECOND)  # accepted audio counts
    assert finish(database, mailbox) == MeetingState.DRAINING
    assert closed_samples(database) == {"a": 48_000, "b": 0}


def test_finishing_again_changes_nothing(database: Database, mailbox: Mailbox) -> None:
    finish(database, mailbox)
    with database.read() as session:
        at = session.get_one(Meeting, "m").finished_at
    assert finish(database, mailbox) == MeetingState.DRAINING
    with database.read() as session:
        assert session.get_one(Meeting, "m").finished_at == at
    assert closed_samples(database) == {"a": 32_000, "b": 0}


def close(database: Database, mailbox: Mailbox, *, give_up_lost: bool = False) -> frozenset[str]:
    return close_tracks(stores_of(database, mailbox), "m", LIMIT, give_up_lost=give_up_lost).lost


def heard(mailbox: Mailbox) -> list[bytes | None]:
    return [span.pcm for span in mailbox.read("a", 0, LIMIT)]


def test_audio_that_redis_lost_after_the_finish_may_come_again(
    database: Database, mailbox: Mailbox, redis_client: Redis
) -> None:
    finish(database, mailbox)
    for _ in range(2):
        redis_client.flushdb()
        assert close(database, mailbox) == {"a"}
        assert (closed_samples(database), unfinished_ids(database)) == ({"a": None, "b": 0}, ["m"])
        mailbox.append("a", 0, SECOND)
        assert close(database, mailbox) == {"a"}
        mailbox.append("a", 16_000, SECOND)
        assert close(database, mailbox) == frozenset()
        assert (closed_samples(database), heard(mailbox)) == ({"a": 32_000, "b": 0}, [SECOND * 2])
        with pytest.raises(TrackClosed):
            mailbox.append("a", 32_000, SECOND)


def test_audio_that_redis_lost_after_the_finish_is_booked_as_missing_when_it_is_given_up(
    database: Database, mailbox: Mailbox, redis_client: Redis
) -> None:
    finish(database, mailbox)
    redis_client.flushdb()
    assert close(database, mailbox) == {"a"}
    mailbox.append("a", 0, SECOND)
    assert close(database, mailbox, give_up_lost=True) == frozenset()
    assert (closed_samples(database), heard(mailbox)) == ({"a": 32_000, "b": 0}, [SECOND, None])


def test_a_mailbox_that_was_closed_too_early_is_opened_again(database: Database, mailbox: Mailbox) -> None:
    mailbox.close("a")
    received = {"a": 48_000}
    assert finish_meeting(stores_of(database, mailbox), "m", LIMIT, received).lost == {"a"}
    mailbox.append("a", 0, SECOND * 3)
    assert close(database, mailbox) == frozenset()
    assert closed_samples(database) == {"a": 48_000, "b": 0}


def test_nothing_is_opened_again_if_all_audio_was_committed_before_redis_lost_it(
    database: Database, mailbox: Mailbox, redis_client: Redis
) -> None:
    finish(database, mailbox)
    with database.write() as session:
        session.get_one(Track, "a").committed_sample = 32_000
    redis_client.flushdb()
    assert close(database, mailbox) == frozenset()
    assert closed_samples(database) == {"a": 32_000, "b": 0}


@pytest.mark.parametrize("at", range(4))
def test_no_audio_is_missing_if_redis_loses_all_data_during_the_finish_and_the_producer_sends_it_again(
    database: Database, redis_client: Redis, at: int
) -> None:
    mailbox = MailboxThatLosesAllData(redis_client, at)
    received = {"a": 32_000}
    with suppress(MailboxMissing):  # the sweep and the producer call again
        finish_meeting(stores_of(database, mailbox), "m", LIMIT, received)
    assert mailbox.calls_left < 0
    finish_meeting(stores_of(database, mailbox), "m", LIMIT, received)
    mailbox.append("a", 0, SECOND * 2)
    assert close(database, mailbox) == frozenset()
    assert (closed_samples(database), heard(mailbox)) == ({"a": 32_000, "b": 0}, [SECOND * 2])


def test_finishing_a_meeting_that_is_being_summarised_changes_nothing(database: Database, mailbox: Mailbox) -> None:
    with database.write() as session:
        session.get_one(Meeting, "m").state = MeetingState.SUMMARIZING
    assert finish(database, mailbox) == MeetingState.SUMMARIZING


def test_finishing_without_redis_is_refused_and_can_be_repeated(database: Database, mailbox: Mailbox) -> None:
    with Redis(port=1, socket_connect_timeout=1) as nowhere, pytest.raises(Unavailable):
        finish(database, Mailbox(nowhere))
    assert unfinished_ids(database) == ["m"]
    assert finish(database, mailbox) == MeetingState.DRAINING
    assert unfinished_ids(database) == []


def test_an_interrupted_delete_is_listed_and_completed_by_the_next(
    database: Database, mailbox: Mailbox, redis_client: Redis
) -> None:
    with pytest.raises(SimulatedCrash):
        delete_meeting(stores_of(database, MailboxThatCrashes(redis_client, "forget")), "m")
    assert unfinished_ids(database) == ["m"]
    delete_meeting(stores_of(database, mailbox), "m")
    assert unfinished_ids(database) == []
    assert closed_samples(database) == {}
    with pytest.raises(MailboxMissing):
        mailbox.status("a")
    with database.read() as session:
        row = session.get_one(Meeting, "m")
        assert (row.state, row.title) == ("deleted", "")


def test_a_deleted_meeting_cannot_be_finished(database: Database, mailbox: Mailbox) -> None:
    delete_meeting(stores_of(database, mailbox), "m")
    with pytest.raises(Gone):
        finish(database, mailbox)


def test_finishing_or_deleting_an_unknown_meeting_is_refused_by_name(database: Database, mailbox: Mailbox) -> None:
    with pytest.raises(NotFound, match="'nothing'"):
        finish_meeting(stores_of(database, mailbox), "nothing", LIMIT)
    with pytest.raises(NotFound, match="'nothing'"):
        delete_meeting(stores_of(database, mailbox), "nothing")
