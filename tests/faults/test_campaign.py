"""The counts of the fault campaign: they find what is lost or doubled, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from schema.core.database import Database
from schema.core.states import CoverageKind, MeetingState, SummaryKind
from schema.core.tables import Base
from schema.meetings.tables import Coverage, Meeting, Segment, Summary, Track
from schema.minutes.minutes import MINUTES, Minutes, Sentence
from tests.faults.account import Account, WordChanges, compare_words
from tests.faults.campaign import main, plan
from tests.faults.load import LIVE, parts
from tests.faults.results import Round, Strike, rows, save
from tests.running_stack import sample_meeting

SAID = "The launch moves to Friday because the payment page is not ready. Olga will tell the customers."


@pytest.mark.parametrize(
    ("heard", "changes"),
    [
        (SAID, WordChanges()),
        (SAID.upper().replace(",", ""), WordChanges()),
        (SAID.replace("the payment page", "the payment page the payment page"), WordChanges(twice=3)),
        (SAID.replace("Friday", "Friday Friday"), WordChanges(twice=1)),
        (SAID.replace("because the payment page is not ready", ""), WordChanges(lost=7)),
        (SAID.replace(" Olga will tell the customers.", ""), WordChanges(lost=5)),
        (SAID.replace("payment page", "pavement page"), WordChanges(changed=1)),
        (SAID.replace("because the payment page is not ready", "cause"), WordChanges(lost=6, changed=1)),
        (SAID.replace("Olga", "And Olga"), WordChanges(changed=1)),
        ("", WordChanges(lost=17)),
    ],
)
def test_words_are_counted_as_twice_lost_or_changed(heard: str, changes: WordChanges) -> None:
    assert compare_words(SAID, heard) == changes


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A finished meeting of 100 samples with a transcript and final minutes."""
    database = Database(f"sqlite:///{tmp_path / 'account.db'}")
    Base.metadata.create_all(database.engine)
    sentence = Sentence(SAID)
    body = MINUTES.dump_python(Minutes(overview=(sentence,)), mode="json")
    with database.write() as session:
        session.add(Meeting(id="m", owner="local", state=MeetingState.FINISHED))
        session.flush()
        session.add(Track(id="t", meeting_id="m", name="main"))
        session.flush()
        final = {"kind": SummaryKind.FINAL, "version": 1, "through_sample": 100, "body": body}
        session.add(Summary(meeting_id="m", seq=2, **final, model="rules"))
        place = {"meeting_id": "m", "track_id": "t", "seq": 1, "first_sample": 0, "end_sample": 100}
        session.add(Segment(**place, text=SAID, words=[], model="tiny.en"))
    yield database
    database.close()


def account(database: Database, *spans: tuple[int, int, CoverageKind]) -> Account:
    """The account of the meeting when *spans* cover its audio."""
    with database.write() as session:
        session.add_all(
            Coverage(track_id="t", first_sample=first, end_sample=end, kind=kind) for first, end, kind in spans
        )
    return Account.of(database, "m", {"main": 100}, SAID)


def test_a_complete_meeting_has_no_breach(database: Database) -> None:
    found = account(database, (0, 60, CoverageKind.TRANSCRIBED), (60, 100, CoverageKind.SILENT))
    assert (found.meetings, found.samples, found.words, found.breaches) == (1, 100, 17, [])


@pytest.mark.parametrize(
    ("spans", "samples"),
    [
        ([], 100),
        ([(0, 60)], 40),
        ([(10, 100)], 10),
        ([(0, 50), (60, 100)], 10),
        ([(0, 60), (50, 100)], 10),
        ([(0, 130)], 30),
    ],
)
def test_samples_without_coverage_or_with_two_rows_are_unaccounted(
    database: Database, spans: list[tuple[int, int]], samples: int
) -> None:
    found = account(database, *((first, end, CoverageKind.TRANSCRIBED) for first, end in spans))
    assert found.breaches == [f"samples unaccounted: {samples}"]


def test_samples_booked_as_failed_are_a_breach(database: Database) -> None:
    found = account(database, (0, 60, CoverageKind.TRANSCRIBED), (60, 100, CoverageKind.FAILED))
    assert found.breaches == ["samples unheard: 40"]


def test_a_meeting_without_final_minutes_is_unfinished(database: Database) -> None:
    with database.write() as session:
        session.execute(delete(Summary))
    assert account(database, (0, 100, CoverageKind.SILENT)).breaches == ["unfinished: 1"]


def test_the_parts_of_the_load_make_up_the_sample_meeting() -> None:
    assert len(parts()) == LIVE
    assert b"".join(parts()) == sample_meeting()


def test_kinds_that_kill_strike_four_times_as_often_as_others() -> None:
    strikes = [kind.name for kind in plan(["api", "slow-steps"], "sqlite", 8)]
    assert strikes == ["api"] * 8 + ["slow-steps"] * 2


def test_postgresql_is_killed_only_where_it_is_used() -> None:
    assert plan(["postgresql"], "sqlite", 3) == []
    assert len(plan(["postgresql"], "postgresql", 3)) == 3


@pytest.mark.parametrize("option", ["--kinds=sun", "--kinds=", "--databases=oracle", "--kills=0", "--kills=many"])
def test_an_unsuitable_option_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([option])
    assert option.partition("=")[0] in capsys.readouterr().err


def test_a_run_of_some_kinds_keeps_the_rows_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    struck = Round(1, "sqlite", 7, [Strike("api", 3.0, 1.0), Strike("api", 9.0, 2.0)], Account(meetings=6))
    lost = Round(2, "sqlite", 7, [Strike("beat", 5.0, 1.0)], Account(meetings=6, words_lost=4))
    save(path, rows([struck]))
    save(path, rows([lost]))
    kinds = json.loads(path.read_text())["kinds"]
    assert list(kinds) == ["sqlite api", "sqlite beat"]
    assert (kinds["sqlite api"]["strikes"], kinds["sqlite api"]["recovery_median_s"]) == (2, 1.5)
    assert kinds["sqlite beat"]["breaches"] == ["sqlite, seed 7, round 2 (beat at 5.0 s): words lost: 4"]
