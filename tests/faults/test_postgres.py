"""PostgreSQL killed and started again in the middle of a meeting that it keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schema.core.settings import Settings
from tests import servers
from tests.hall import Hall, Sitting, eventually, hall

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def postgres() -> Iterator[servers.Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="module")
def on_postgres(postgres: servers.Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall(tmp_path_factory.mktemp("on-postgres"), environment={"MINUTEBOOK_DATABASE_URL": postgres.url}) as opened:
        yield opened


def test_a_database_killed_while_workers_commit(on_postgres: Hall, postgres: servers.Postgres) -> None:
    def disturb(sitting: Sitting) -> None:
        on_postgres.wait_claimed(sitting)
        postgres.kill()
        postgres.start()

    on_postgres.assert_whole(on_postgres.hold(on_postgres.clip, disturb), on_postgres.undisturbed)


def test_a_database_that_is_away_for_long(on_postgres: Hall, postgres: servers.Postgres) -> None:
    """The audio waits in Redis, no window uses up its tries, and the producer is not sent away."""

    def disturb(sitting: Sitting) -> None:
        on_postgres.wait_claimed(sitting)
        track_id = on_postgres.track_id(sitting)
        postgres.kill()
        epochs: set[int] = set()

        def was_claimed_often() -> bool:
            epochs.add(on_postgres.mailbox.status(track_id).epoch)
            return len(epochs) > 2 + Settings().attempts_limit

        eventually("the track was claimed in vain, again and again", was_claimed_often)
        postgres.start()

    on_postgres.assert_whole(on_postgres.hold(on_postgres.clip, disturb), on_postgres.undisturbed)
