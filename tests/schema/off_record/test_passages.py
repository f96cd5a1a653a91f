"""Which passages are off the record, and what of a segment they take out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import Conflict, InvalidInput, NotFound
from schema.core.units import samples_of_s
from schema.meetings.tables import Meeting, Segment, Track
from schema.off_record.passages import (
    OffRecord,
    end_passage,
    lift_passage,
    mark_off_record,
    passages_of,
    text_on_record,
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'minutebook.db'}")
    migrate.upgrade(database)
    with database.write() as session:
        session.add(Meeting(id="m", owner="local"))
        session.flush()
        session.add(Track(id="t", meeting_id="m", name="main"))
    yield database
    database.close()


def say(database: Database, *said: tuple[str | None, str], pause_s: float = 0.5) -> None:
    """Add a closed segment of 10 s for each speaker and text, with pauses between them."""
    with database.write() as session:
        for at, (speaker, text) in enumerate(said):
            first = samples_of_s(at * (10 + pause_s))
            session.add(
                Segment(
                    meeting_id="m",
                    track_id="t",
                    seq=at,
                    first_sample=first,
                    end_sample=first + samples_of_s(10),
                    speaker=speaker,
                    text=text,
                    words=[],
                    closed=True,
                    model="tiny.en",
                )
            )


def kept(database: Database) -> list[str]:
    """What of each segment is on the record."""
    with database.read() as session:
        passages = passages_of(session, "m")
        return [text_on_record(row, passages) for row in session.query(Segment).order_by(Segment.first_sample)]


def test_a_phrase_takes_out_its_sentence_and_the_rest_of_the_speaker_s_turn(database: Database) -> None:
    say(
        database,
        ("Mia", "It costs five. The boss resigns, off the record."),
        ("Mia", "In May."),
        ("Ben", "We order screws."),
    )
    assert kept(database) == ["It costs five.", "", "We order screws."]


def test_up_to_a_phrase_that_goes_back_everybody_is_off_the_record(database: Database) -> None:
    say(
        database,
        ("Mia", "Nicht fürs Protokoll: der Chef geht."),
        ("Ben", "Wirklich?"),
        ("Mia", "Ja. So, wieder fürs Protokoll: wir bestellen Schrauben."),
    )
    assert kept(database) == ["", "", "wir bestellen Schrauben."]


def test_a_passage_may_lie_within_one_segment(database: Database) -> None:
    say(database, (None, "We buy bolts. Off the record, he goes. Back on the record, we buy screws."))
    assert kept(database) == ["We buy bolts. we buy screws."]


@pytest.mark.parametrize(("pause_s", "last"), [(0.5, ""), (4.0, "We order screws.")])
def test_a_pause_ends_the_turn_of_an_unknown_speaker(database: Database, pause_s: float, last: str) -> None:
    say(database, (None, "Off the record, he goes."), (None, "We order screws."), pause_s=pause_s)
    assert kept(database) == ["", last]


@pytest.mark.parametrize(
    ("start_s", "end_s", "left"),
    [
        (0, 5, ["", "two", "three"]),
        (11, None, ["one", "", ""]),
        (10.2, 10.4, ["one", "two", "three"]),
        (9, 12, ["", "", "three"]),
    ],
)
def test_a_marked_passage_takes_out_every_segment_that_it_touches(
    database: Database, start_s: float, end_s: float | None, left: Sequence[str]
) -> None:
    say(database, ("Mia", "one"), ("Ben", "two"), ("Mia", "three"))
    with database.write() as session:
        mark_off_record(session, "m", samples_of_s(start_s), None if end_s is None else samples_of_s(end_s))
    assert kept(database) == left


def test_a_passage_is_ended_once_and_lifted(database: Database) -> None:
    say(database, ("Mia", "one"), ("Ben", "two"))
    with database.write() as session:
        passage = mark_off_record(session, "m", 0, None).id
    assert kept(database) == ["", ""]
    with database.write() as session:
        end_passage(session, "m", passage, samples_of_s(10))
    assert kept(database) == ["", "two"]
    with pytest.raises(Conflict, match="ended at 10 s; lift it"), database.write() as session:
        end_passage(session, "m", passage, samples_of_s(20))
    with database.write() as session:
        lift_passage(session, "m", passage)
    assert kept(database) == ["one", "two"]
    with pytest.raises(NotFound, match=f"no marked passage {passage}"), database.write() as session:
        lift_passage(session, "m", passage)


def test_a_passage_must_end_after_it_begins(database: Database) -> None:
    with pytest.raises(InvalidInput, match="would end at 1 s, but begins at 2 s"), database.write() as session:
        mark_off_record(session, "m", samples_of_s(2), samples_of_s(1))


def test_a_meeting_has_a_bounded_number_of_passages(database: Database) -> None:
    with database.write() as session:
        session.add_all(OffRecord(meeting_id="m", seq=0, first_sample=0, end_sample=1) for _ in range(200))
    with pytest.raises(Conflict, match="200 passages off the record, which is the limit"), database.write() as session:
        mark_off_record(session, "m", 0, 1)
