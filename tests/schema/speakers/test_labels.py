"""Who says each word, by the units around it, and where segments are divided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import Conflict, InvalidInput, NotFound
from schema.core.states import SpeakerSource
from schema.core.units import samples_of_s
from schema.corrections.segments import correct, rename_speaker, undo
from schema.meetings.tables import Meeting, Segment, Track
from schema.speakers.changes import join_people, separate_person, show_names, split_segment
from schema.speakers.labels import label_segments
from schema.speakers.people import add_people, people_of
from schema.speakers.tables import VoiceUnit

S = samples_of_s(1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A meeting with the listened track `t`, heard up to 60 s, and persons 1 to 3."""
    database = Database(f"sqlite:///{tmp_path / 'm.db'}")
    migrate.upgrade(database)
    with database.write() as session:
        session.add(Meeting(id="m", owner="me", speakers="auto"))
        session.flush()
        session.add(Track(id="t", meeting_id="m", name="main", heard_sample=60 * S))
        session.flush()
        add_people(session, "m", people_of(session, "m"), (1, 2, 3))
    yield database
    database.close()


def say(database: Database, text: str, first_s: float, *, closed: bool = True) -> int:
    """A segment with a word a second, in the transcript of the track. Returns its id."""
    words = [
        [f" {word}", samples_of_s(first_s + at), samples_of_s(first_s + at + 1), 0.9]
        for at, word in enumerate(text.split())
    ]
    with database.write() as session:
        segment = Segment(
            meeting_id="m",
            track_id="t",
            seq=1,
            first_sample=words[0][1],
            end_sample=words[-1][2],
            text=text,
            words=words,
            closed=closed,
            model="tiny.en",
        )
        session.add(segment)
        session.flush()
        return segment.id


def hear(database: Database, *turns: tuple[int | None, float, float]) -> None:
    """Units of (person, from, to); person None stands for several at once."""
    with database.write() as session:
        for person, first_s, end_s in turns:
            session.add(
                VoiceUnit(
                    meeting_id="m",
                    track_id="t",
                    first_sample=samples_of_s(first_s),
                    end_sample=samples_of_s(end_s),
                    clean_samples=samples_of_s(end_s - first_s),
                    model="v",
                    person=person,
                )
            )


def label(database: Database, since_s: float = 0) -> list[int]:
    """Label the transcript. Returns the ids of the segments that changed."""
    with database.write() as session:
        people = people_of(session, "m")
        return [each.id for each in label_segments(session, "m", people, SpeakerSource.VOICE, samples_of_s(since_s))]


def rows(database: Database) -> Sequence[Segment]:
    with database.read() as session:
        return session.scalars(select(Segment).order_by(Segment.first_sample, Segment.id)).all()


def lines(database: Database) -> list[tuple[str | None, str]]:
    return [(row.speaker, row.text) for row in rows(database)]


def test_a_segment_ends_where_the_speaker_changes(database: Database) -> None:
    key = say(database, "shall we begin yes we shall", 0)
    hear(database, (1, 0, 3), (2, 3, 6))
    assert label(database) == [key, key + 1]
    assert lines(database) == [("Speaker 1", "shall we begin"), ("Speaker 2", "yes we shall")]
    assert [(row.first_sample, row.end_sample, row.closed) for row in rows(database)] == [
        (0, 3 * S, True),
        (3 * S, 6 * S, True),
    ]
    assert label(database) == []


def test_an_open_segment_stays_open_at_its_end(database: Database) -> None:
    say(database, "shall we begin yes we shall", 0, closed=False)
    hear(database, (1, 0, 3), (2, 3, 6))
    label(database)
    assert [row.closed for row in rows(database)] == [True, False]


def test_a_word_between_units_goes_to_the_nearest(database: Database) -> None:
    say(database, "a b c d e f", 0)
    hear(database, (1, 0, 1), (2, 5, 6))
    label(database)
    assert lines(database) == [("Speaker 1", "a b c"), ("Speaker 2", "d e f")]


def test_words_that_are_not_heard_yet_wait(database: Database) -> None:
    say(database, "a b c", 61)
    hear(database, (1, 50, 52))
    assert label(database) == []
    assert lines(database) == [(None, "a b c")]
    say(database, "d e f g", 57)
    label(database)
    assert lines(database)[0] == ("Speaker 1", "d e f g")


def test_a_late_word_of_an_older_segment_is_labelled(database: Database) -> None:
    key = say(database, "a b", 0)
    hear(database, (1, 0, 2))
    assert label(database, since_s=40) == [key]


def test_speech_of_several_at_once_is_marked(database: Database) -> None:
    say(database, "a b c", 0)
    say(database, "d e", 10)
    hear(database, (1, 0, 2), (None, 2, 3), (1, 10, 12))
    label(database)
    assert [row.overlapped for row in rows(database)] == [True, False]


def test_a_corrected_text_is_not_divided(database: Database) -> None:
    key = say(database, "a b c d", 0)
    with database.write() as session:
        correct(session, "m", key, {"text": "A bee sees Dee."}, "me")
    hear(database, (1, 0, 1), (2, 1, 4))
    label(database)
    assert lines(database) == [("Speaker 2", "A bee sees Dee.")]


def test_what_a_person_said_stays(database: Database) -> None:
    key = say(database, "a b c d", 0)
    hear(database, (1, 0, 1), (2, 1, 4))
    with database.write() as session:
        correct(session, "m", key, {"speaker": "Leo"}, "me")
    assert label(database) == []
    with database.write() as session:
        undo(session, "m", key, "me")
    label(database)
    assert lines(database) == [("Speaker 2", "a b c d")]  # its history is of the whole segment


def test_undoing_a_speaker_shows_what_the_voice_says_now(database: Database) -> None:
    key = say(database, "a b", 0)
    hear(database, (1, 0, 2))
    label(database)
    with database.write() as session:
        correct(session, "m", key, {"speaker": "Leo"}, "me")
        rename_speaker(session, "m", "Speaker 1", "Maya", None, "me")
        undo(session, "m", key, "me")
    assert lines(database) == [("Maya", "a b")]


def test_a_name_belongs_to_the_person(database: Database) -> None:
    say(database, "a b", 0)
    hear(database, (1, 0, 2), (1, 20, 22), (2, 30, 32))
    label(database)
    with database.write() as session:
        changed = rename_speaker(session, "m", "Speaker 1", "Maya", None, "me")
    assert [(each.version, each.corrected, each.speaker_from) for each in changed] == [(1, False, "voice")]
    say(database, "c d", 20)
    say(database, "e f", 30)
    label(database)
    assert lines(database) == [("Maya", "a b"), ("Maya", "c d"), ("Speaker 2", "e f")]
    with database.write() as session:
        rename_speaker(session, "m", "Maya", None, None, "me")
    assert lines(database)[0] == ("Speaker 1", "a b")


def test_two_people_with_one_name_are_one_person(database: Database) -> None:
    say(database, "a b", 0)
    say(database, "c d", 10)
    hear(database, (1, 0, 2), (3, 10, 12))
    label(database)
    with database.write() as session:
        rename_speaker(session, "m", "Speaker 3", "Maya", None, "me")
        rename_speaker(session, "m", "Speaker 1", "Maya", None, "me")
    assert lines(database) == [("Maya", "a b"), ("Maya", "c d")]
    with database.read() as session:
        assert people_of(session, "m").roots == [2, 3]


def test_people_are_joined_and_separated_again(database: Database) -> None:
    say(database, "a b", 0)
    hear(database, (3, 0, 2))
    label(database)
    with database.write() as session:
        join_people(people_of(session, "m"), 3, 1)
        join_people(people_of(session, "m"), 1, 2)
        assert [each.speaker for each in show_names(session, "m")] == ["Speaker 2"]
    with database.write() as session:
        separate_person(people_of(session, "m"), 3)
        assert [each.speaker for each in show_names(session, "m")] == ["Speaker 3"]
        with pytest.raises(InvalidInput, match="always the same as itself"):
            join_people(people_of(session, "m"), 3, 3)
        with pytest.raises(NotFound, match="no person 9; it has 2, 3"):
            join_people(people_of(session, "m"), 9, 3)


def test_a_segment_is_split_at_a_word(database: Database) -> None:
    key = say(database, "shall we begin yes we shall", 0)
    with database.write() as session:
        split_segment(session, session.get_one(Segment, key), 4, "Leo")
    assert lines(database) == [(None, "shall we begin"), ("Leo", "yes we shall")]
    hear(database, (1, 0, 6))
    label(database)
    assert lines(database) == [("Speaker 1", "shall we begin"), ("Leo", "yes we shall")]


def test_a_split_needs_a_word_inside_and_the_text_that_was_heard(database: Database) -> None:
    key = say(database, "a b", 0)
    with database.write() as session:
        for word in (1, 3):
            with pytest.raises(InvalidInput, match="has 2 words, so give a number from 2 to 2"):
                split_segment(session, session.get_one(Segment, key), word, None)
        correct(session, "m", key, {"text": "something else"}, "me")
        with pytest.raises(Conflict, match="was corrected; undo that"):
            split_segment(session, session.get_one(Segment, key), 2, None)
