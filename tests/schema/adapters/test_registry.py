"""Which version of an adapter a meeting gets, and how versions change state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from schema.adapters.lifecycle import Grounds, promote, retire, roll_back
from schema.adapters.registry import check_served, find_version, history, newest_draft, served_labels, task_of
from schema.adapters.tables import Adapter
from schema.adapters.wire import AdapterLabel
from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import Conflict, InvalidInput, NotFound, UnknownAdapter
from schema.core.states import AdapterState, AdapterTask
from tests.adapters import version
from tests.servers import fresh_postgres

ASR, SUMMARY = AdapterTask.ASR, AdapterTask.SUMMARY
DRAFT, ACTIVE, RETIRED = AdapterState
BY = Grounds("ann")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'minutebook.db'}")
    else:
        database = Database(fresh_postgres(request.getfixturevalue("postgres_url"), "adapters"))
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def clinic(database: Database) -> Database:
    """Three drafts of `clinic`."""
    with database.write() as session:
        session.add_all(version("clinic", number, DRAFT) for number in (1, 2, 3))
    return database


def states(database: Database) -> dict[str, str]:
    with database.read() as session:
        return {adapter.label: adapter.state for adapter in session.query(Adapter)}


def serve(database: Database, number: int, instead_of: int | None) -> None:
    with database.write() as session:
        chosen = find_version(session, ASR, AdapterLabel("clinic", number))
        before = None if instead_of is None else find_version(session, ASR, AdapterLabel("clinic", instead_of)).id
        promote(session, chosen, before, BY)


def served(database: Database, wanted: str | None = "clinic") -> str | None:
    with database.read() as session:
        return served_labels(session, ASR, [wanted])[wanted]


def test_a_name_stands_for_its_active_version_and_a_label_for_one_version(clinic: Database) -> None:
    assert served(clinic) is None
    assert served(clinic, "clinic@3") == "clinic@3"
    serve(clinic, 2, None)
    assert served(clinic) == "clinic@2"
    with clinic.read() as session:
        found = served_labels(session, ASR, {"clinic", "clinic@1", "clinic@9", "base", None})
        assert found == {"clinic": "clinic@2", "clinic@1": "clinic@1", "clinic@9": None, "base": None, None: None}
        assert served_labels(session, SUMMARY, ["clinic"]) == {"clinic": None}


def test_without_a_name_the_default_adapter_serves_and_base_names_the_base_model(database: Database) -> None:
    with database.write() as session:
        session.add(version("default", 4))
    assert served(database, None) == "default@4"
    assert served(database, "base") is None


def test_promotions_are_rolled_back_one_by_one_to_the_base_model(clinic: Database) -> None:
    for number, before in ((1, None), (2, 1), (3, 2)):
        serve(clinic, number, before)
    assert states(clinic) == {"clinic@1": RETIRED, "clinic@2": RETIRED, "clinic@3": ACTIVE}
    for expected in ("clinic@2", "clinic@1", None):
        with clinic.write() as session:
            _, earlier = roll_back(session, ASR, "clinic", BY)
            assert (earlier.label if earlier else None) == expected
        assert served(clinic) == expected
    with pytest.raises(Conflict, match="nothing to roll back"), clinic.write() as session:
        roll_back(session, ASR, "clinic", BY)


def test_a_named_version_serves_even_after_another_was_promoted(clinic: Database) -> None:
    serve(clinic, 1, None)
    serve(clinic, 2, 1)
    assert served(clinic, "clinic@1") == "clinic@1"
    with clinic.write() as session:
        roll_back(session, ASR, "clinic", BY)
    assert states(clinic)["clinic@2"] == RETIRED
    assert served(clinic, "clinic@2") == "clinic@2"
    with clinic.write() as session:
        check_served(session, ASR, "asr_adapter", "clinic@2")
        retire(session, find_version(session, ASR, AdapterLabel("clinic", 2)), BY)
        with pytest.raises(UnknownAdapter, match=r"'clinic@2' cannot be used"):
            check_served(session, ASR, "asr_adapter", "clinic@2")
    serve(clinic, 2, 1)
    serve(clinic, 3, 2)
    assert served(clinic, "clinic@2") == "clinic@2"


def test_a_retired_version_is_never_rolled_back_to_and_never_serves(clinic: Database) -> None:
    serve(clinic, 1, None)
    serve(clinic, 2, 1)
    for _ in range(2):
        with clinic.write() as session:
            retire(session, find_version(session, ASR, AdapterLabel("clinic", 1)), BY)
    with pytest.raises(Conflict, match="previous version clinic@1 was retired"), clinic.write() as session:
        roll_back(session, ASR, "clinic", BY)
    assert served(clinic, "clinic@1") is None
    assert served(clinic) == "clinic@2"
    with clinic.read() as session:
        assert [decision.move for decision in history(session, ASR, "clinic").decisions] == [
            "retire",
            "promote",
            "promote",
        ]


def test_a_promotion_against_an_outdated_active_version_is_refused(clinic: Database) -> None:
    serve(clinic, 1, None)
    with pytest.raises(Conflict, match="is now clinic@1"):
        serve(clinic, 2, None)
    assert states(clinic)["clinic@2"] == DRAFT
    with pytest.raises(Conflict, match="is active and cannot become active"):
        serve(clinic, 1, 1)


def test_two_versions_cannot_be_active_at_once(clinic: Database) -> None:
    serve(clinic, 1, None)
    with pytest.raises(IntegrityError), clinic.write() as session:
        session.query(Adapter).where(Adapter.version == 2).update({"state": ACTIVE})


def test_an_adapter_that_does_not_serve_is_refused_with_the_known_versions(clinic: Database) -> None:
    with clinic.read() as session:
        check_served(session, ASR, "asr_adapter", "clinic@2")
        with pytest.raises(UnknownAdapter, match=r"clinic@3 \(draft\), clinic@2 \(draft\).*adapters promote"):
            check_served(session, ASR, "asr_adapter", "clinic")
        with pytest.raises(UnknownAdapter, match="'legal' is not an adapter for asr; leave it out: none is active"):
            check_served(session, ASR, "asr_adapter", "legal")


def test_ambiguous_and_unknown_names_are_refused(clinic: Database) -> None:
    with clinic.write() as session:
        session.add(version("clinic", task=SUMMARY))
    with clinic.read() as session:
        assert newest_draft(session, ASR, "clinic").version == 3
        with pytest.raises(InvalidInput, match="asr and for summary; give --task"):
            task_of(session, "clinic")
        with pytest.raises(NotFound, match="no adapter 'legal'"):
            task_of(session, "legal")
        with pytest.raises(NotFound, match="'clinic' in version 7"):
            find_version(session, ASR, AdapterLabel("clinic", 7))
        with pytest.raises(NotFound, match="no draft"):
            newest_draft(session, SUMMARY, "clinic")


@pytest.mark.parametrize("text", ["../x", "a/b", "", ".", "a.b", "a@0", "a@", "@1", "a" * 65, "a@1/..", "näme", "a\n"])
def test_an_invalid_adapter_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not the name of an adapter"):
        AdapterLabel.parse(text)


def test_the_migration_keeps_handwritten_rows_as_retired(database: Database) -> None:
    migrate.downgrade(database, "0004")
    with database.write() as session:
        row = "('legal', 'asr', 'package:tiny.en', '/somewhere', 'none', '{}', '2026-03-02 09:30:00')"
        columns = "name, task, base_model, folder, checksum, facts, created_at"
        session.connection().exec_driver_sql(f"INSERT INTO adapters ({columns}) VALUES {row}")
    migrate.upgrade(database)
    assert states(database) == {"legal@1": RETIRED}
    assert served(database, "legal@1") is None
    migrate.downgrade(database, "0004")
    with database.read() as session:
        assert session.connection().exec_driver_sql("SELECT name FROM adapters").scalars().all() == ["legal"]
