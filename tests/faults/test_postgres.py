"""PostgreSQL killed and restarted during a meeting: the meeting is complete nevertheless."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schema.core.settings import Settings
from tests import servers
from tests.running_stack import RunningStack, StreamedMeeting, running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def postgres() -> Iterator[servers.Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="module")
def on_postgres(postgres: servers.Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    environment = {"MINUTEBOOK_DATABASE_URL": postgres.url}
    with running_stack(tmp_path_factory.mktemp("on-postgres"), environment=environment) as running:
        yield running


def test_a_meeting_is_complete_when_the_database_is_killed_while_workers_commit(
    on_postgres: RunningStack, postgres: servers.Postgres
) -> None:
    def disturb(meeting: StreamedMeeting) -> None:
        on_postgres.wait_until_claimed(meeting)
        postgres.kill()
        postgres.start()

    on_postgres.assert_complete(on_postgres.stream(on_postgres.clip, disturb), on_postgres.undisturbed_transcript)


def test_a_meeting_is_complete_when_the_database_is_down_for_long(
    on_postgres: RunningStack, postgres: servers.Postgres
) -> None:
    """The audio waits in Redis, no window uses up its attempts, and the producer is not refused."""

    def disturb(meeting: StreamedMeeting) -> None:
        on_postgres.wait_until_claimed(meeting)
        track_id = on_postgres.track_id(meeting)
        postgres.kill()
        epochs: set[int] = set()

        def look() -> set[int]:
            epochs.add(on_postgres.mailbox.status(track_id).epoch)
            return epochs

        wait_until(
            "the track was claimed in vain more often than the limit of attempts (epochs)",
            look,
            lambda seen: len(seen) > 2 + Settings().attempts_limit,
        )
        postgres.start()

    on_postgres.assert_complete(on_postgres.stream(on_postgres.clip, disturb), on_postgres.undisturbed_transcript)
