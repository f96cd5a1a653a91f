"""The commit: conditional, with coverage that tiles and one sentence per segment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from schema.core import migrate
from schema.core.database import Database
from schema.core.states import CoverageKind
from schema.meetings.tables import Coverage, Meeting, Segment, Track
from workers.asr.hypothesis import Word
from workers.asr.streaming.track import CommittedSpan
from workers.transcribe.ledger import TrackCommit, commit


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'm.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = Database(url)
    if migrate.current(database):
        migrate.downgrade(database, "base")
    migrate.upgrade(database)
    with database.write() as session:
        session.add(Meeting(id="m", owner="local"))
        session.flush()
        session.add(Track(id="t", meeting_id="m", name="main"))
    yield database
    database.close()


def part(
    old: int,
    new: int,
    *words: str,
    old_epoch: int | None = None,
    epoch: int = 1,
    pause: bool = False,
    kind: str = "transcribed",
) -> TrackCommit:
    """A commit under epoch 1 after one under epoch 1, or after none if *old* is 0. *old_epoch* overrides the latter."""
    length = (new - old) // max(1, len(words))
    return TrackCommit(
        meeting_id="m",
        track_id="t",
        old_epoch=int(old > 0) if old_epoch is None else old_epoch,
        epoch=epoch,
        old_sample=old,
        new_sample=new,
        spans=[CommittedSpan(old, new, CoverageKind(kind))] if new > old else [],
        words=[Word(text, old + i * length, old + (i + 1) * length, 0.9) for i, text in enumerate(words)],
        pause=pause,
        model="tiny.en",
    )


def segments(database: Database) -> list[tuple[str, bool, int]]:
    with database.read() as session:
        return [(s.text, s.closed, s.seq) for s in session.scalars(select(Segment).order_by(Segment.id))]


def test_words_grow_the_open_segment_until_a_sentence_ends(database: Database) -> None:
    commit(database, [part(0, 1000, " Good", " morning")])
    assert segments(database) == [("Good morning", False, 1)]
    commit(database, [part(1000, 2000, " everyone.", " Thanks")])
    assert segments(database) == [("Good morning everyone.", True, 2), ("Thanks", False, 3)]


@pytest.mark.parametrize("last", [" हूँ।", " الاجتماع؟", " 好。", " ហើយ។", ' said."', " 开始了吗？」"])
def test_a_sentence_of_any_script_closes_the_segment(database: Database, last: str) -> None:
    commit(database, [part(0, 1000, " So", last, " then")])
    assert [closed for _, closed, _ in segments(database)] == [True, False]


def test_an_abbreviation_closes_no_segment(database: Database) -> None:
    commit(database, [part(0, 1000, " Ask", " Dr.", " Who", " today.", " Then")])
    assert [text for text, _, _ in segments(database)] == ["Ask Dr. Who today.", "Then"]


def test_a_pause_closes_the_open_segment(database: Database) -> None:
    commit(database, [part(0, 1000, " So")])
    commit(database, [part(1000, 2000, kind="silent", pause=True)])
    assert segments(database) == [("So", True, 2)]


def test_the_second_commit_from_the_same_position_is_refused(database: Database) -> None:
    assert commit(database, [part(0, 1000, " one")]).track_ids == {"t"}
    late = commit(database, [part(0, 900, " won", epoch=2)])
    assert late.track_ids == set()
    assert late.events == {}
    assert [text for text, _, _ in segments(database)] == ["one"]


def test_a_commit_based_on_an_outdated_epoch_is_refused(database: Database) -> None:
    commit(database, [part(0, 1000, " one")])
    assert commit(database, [part(1000, 1000, epoch=5, pause=True)]).track_ids == {"t"}
    assert commit(database, [part(1000, 2000, " two", old_epoch=1, epoch=6)]).track_ids == set()
    assert commit(database, [part(1000, 2000, " two", old_epoch=5, epoch=6)]).track_ids == {"t"}


def test_a_smaller_epoch_of_a_lost_mailbox_can_commit(database: Database) -> None:
    commit(database, [part(0, 1000, " one", epoch=5)])
    assert commit(database, [part(1000, 2000, " two", old_epoch=5, epoch=4)]).track_ids == {"t"}


def test_audio_that_has_not_come_again_since_a_loss_still_counts_as_received(database: Database) -> None:
    for at, received in enumerate((5000, 3000, 6000)):
        commit(database, [replace(part(1000 * at, 1000 * at + 1000), received_sample=received)])
        with database.read() as session:
            assert session.get_one(Track, "t").received_sample == max(5000, received)


def test_adjacent_coverage_of_one_kind_is_one_row(database: Database) -> None:
    commit(database, [part(0, 1000, " one")])
    commit(database, [part(1000, 2000, " two")])
    commit(database, [part(2000, 3000, kind="silent")])
    with database.read() as session:
        rows = session.scalars(select(Coverage).order_by(Coverage.first_sample)).all()
    assert [(r.first_sample, r.end_sample, r.kind) for r in rows] == [(0, 2000, "transcribed"), (2000, 3000, "silent")]


def test_coverage_that_does_not_tile_is_an_error_and_writes_nothing(database: Database) -> None:
    bad = TrackCommit("m", "t", 0, 1, 0, 1000, [CommittedSpan(0, 900, CoverageKind.SILENT)])
    with pytest.raises(ValueError, match="ends at 900"):
        commit(database, [bad])
    with database.read() as session:
        assert session.get_one(Track, "t").committed_sample == 0


def test_events_carry_ascending_sequence_numbers(database: Database) -> None:
    done = commit(database, [part(0, 1000, " One.", " Two.", " three")])
    assert [(e.type, e.seq, e.data["text"]) for e in done.events["m"]] == [
        ("segment", 1, "One."),
        ("segment", 2, "Two."),
        ("segment", 3, "three"),
    ]
    assert done.closed_words == {"m": 2}
