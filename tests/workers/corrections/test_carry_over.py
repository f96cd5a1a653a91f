"""Corrections carried over to another transcription of the same recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select

from schema.core import migrate
from schema.core.database import Database
from schema.core.states import MeetingState, SummaryKind
from schema.core.units import samples_of_s
from schema.corrections.segments import Correction, correct
from schema.corrections.sentences import SentenceCorrection, correct_sentence
from schema.mailbox import Mailbox
from schema.meetings.lifecycle import end_transcription
from schema.meetings.tables import Meeting, Segment, Summary, Track
from schema.minutes.minutes import MINUTES, Minutes, Sentence, named
from schema.stores import Stores
from schema.typed_notes.notes import add_typed_note, typed_notes_of
from tests.servers import fresh_postgres
from workers.corrections.carry_over import NO_SEGMENT, NO_TRACK, NO_WORDS, carry_over

WORD_S = 0.5


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'minutebook.db'}")
    else:
        database = Database(fresh_postgres(request.getfixturevalue("postgres_url"), "carrying_tests"))
    migrate.upgrade(database)
    yield database
    database.close()


def words(text: str, start_s: float) -> list[list[Any]]:
    """The words of *text*, WORD_S each. A `~` stands for a pause of that length."""
    edges = [samples_of_s(start_s + at * WORD_S) for at in range(len(text.split()) + 1)]
    timed = zip(text.split(), edges, edges[1:], strict=False)
    return [[f" {word}", first, end, 0.9] for word, first, end in timed if word != "~"]


def transcribe(
    database: Database, meeting_id: str, texts: Sequence[str], *, made_from: str | None = None, track: str = "main"
) -> list[int]:
    """Add a transcription of a recording with consecutive segments and return their ids."""
    with database.write() as session:
        state = MeetingState.DRAINING if made_from else MeetingState.FINISHED
        session.add(Meeting(id=meeting_id, owner="local", made_from=made_from, state=state))
        session.flush()
        row = Track(id=f"{meeting_id}-{track}", meeting_id=meeting_id, name=track, closed_sample=0)
        session.add(row)
        session.flush()
        segments, at_s = [], 0.0
        for text in texts:
            heard = words(text, at_s)
            at_s += len(text.split()) * WORD_S
            segments.append(
                Segment(
                    meeting_id=meeting_id,
                    track_id=row.id,
                    seq=0,
                    first_sample=heard[0][1],
                    end_sample=heard[-1][2],
                    text="".join(word[0] for word in heard).strip(),
                    words=heard,
                    closed=True,
                    model="tiny.en",
                )
            )
        session.add_all(segments)
        session.flush()
        return [segment.id for segment in segments]


def fix(database: Database, segment_id: int, **wanted: str) -> None:
    with database.write() as session:
        correct(session, "one", segment_id, wanted, "priya")


def segments_after_carrying(database: Database, redis: Redis) -> list[tuple[str, str | None, int]]:
    """End the transcription of the second version. Returns text, speaker and version of each segment."""
    stores = Stores(database, redis, Mailbox(redis), storage_url="")
    assert end_transcription(stores, "two", carry_over)
    assert not end_transcription(stores, "two", carry_over)
    with database.read() as session:
        rows = session.scalars(select(Segment).where(Segment.meeting_id == "two").order_by(Segment.first_sample))
        return [(row.text, row.speaker, row.version) for row in rows]


def set_aside(database: Database) -> list[tuple[str, str | None]]:
    """Text and reason of each correction that was not carried over."""
    with database.read() as session:
        chosen = select(Correction).where(Correction.meeting_id == "two", Correction.segment_id.is_(None))
        return [(row.text, row.reason) for row in session.scalars(chosen)]


def test_a_corrected_segment_is_corrected_in_the_new_transcription(database: Database, redis_client: Redis) -> None:
    ids = transcribe(database, "one", ["good morning", "we move the lunch", "to monday then", "yes"])
    transcribe(database, "two", ["good morning", "we move a lunch", "to monday then", "yes"], made_from="one")
    fix(database, ids[1], text="We move the launch.", speaker="Tom")
    texts = [
        ("good morning", None, 1),
        ("We move the launch.", "Tom", 2),
        ("to monday then", None, 1),
        ("yes", None, 1),
    ]
    assert segments_after_carrying(database, redis_client) == texts
    with database.read() as session:
        row = session.scalars(select(Correction).where(Correction.meeting_id == "two")).one()
        assert (row.author, row.origin, row.original_text) == ("priya", "carried", "we move a lunch")
        assert session.get_one(Meeting, "two").seq == session.get_one(Segment, row.segment_id).seq == 1


def test_corrected_text_is_split_where_the_new_transcription_splits_it(database: Database, redis_client: Redis) -> None:
    ids = transcribe(database, "one", ["so", "we move the lunch party to monday", "yes"])
    transcribe(database, "two", ["so we move the", "launch party to", "monday yes"], made_from="one")
    fix(database, ids[1], text="We move the launch party to Tuesday.")
    assert segments_after_carrying(database, redis_client) == [
        ("so We move the", None, 2),
        ("launch party to", None, 1),
        ("Tuesday. yes", None, 2),
    ]


def test_two_corrections_are_joined_in_one_segment(database: Database, redis_client: Redis) -> None:
    ids = transcribe(database, "one", ["we move the lunch", "to sunday then"])
    transcribe(database, "two", ["we move the lunch to sunday then"], made_from="one")
    fix(database, ids[0], text="We move the launch")
    fix(database, ids[1], text="to Monday, then.")
    assert segments_after_carrying(database, redis_client) == [("We move the launch to Monday, then.", None, 2)]


def test_text_that_the_new_transcription_has_right_is_not_a_correction(database: Database, redis_client: Redis) -> None:
    ids = transcribe(database, "one", ["we move the lunch"])
    transcribe(database, "two", ["we move the launch"], made_from="one")
    fix(database, ids[0], text="we move the launch")
    assert segments_after_carrying(database, redis_client) == [("we move the launch", None, 1)]
    assert set_aside(database) == []


def test_where_the_transcriptions_differ_the_time_decides(database: Database, redis_client: Redis) -> None:
    ids = transcribe(database, "one", ["alpha beta", "gamma delta", "epsilon zeta"])
    transcribe(database, "two", ["eins zwei", "drei vier", "fünf sechs"], made_from="one")
    fix(database, ids[1], text="Three four.")
    assert [text for text, _, _ in segments_after_carrying(database, redis_client)] == [
        "eins zwei",
        "Three four.",
        "fünf sechs",
    ]


def test_a_segment_corrected_to_empty_text_is_emptied_again(database: Database, redis_client: Redis) -> None:
    ids = transcribe(database, "one", ["good morning", "thank you", "we move"])
    transcribe(database, "two", ["good morning", "thanks", "~ we move"], made_from="one")
    fix(database, ids[1], text="")
    assert segments_after_carrying(database, redis_client) == [
        ("good morning", None, 1),
        ("", None, 2),
        ("we move", None, 1),
    ]


def test_a_correction_without_a_place_is_kept_with_the_reason(database: Database, redis_client: Redis) -> None:
    ids = transcribe(database, "one", ["good morning", "thank you", "we move the launch"])
    transcribe(database, "two", ["good morning", "~ ~ we move the launch to some other day then"], made_from="one")
    fix(database, ids[1], text="Think it through.")
    fix(database, ids[0], text="Good morning!")
    with database.write() as session:
        correct(session, "one", ids[2], {"text": "we move the launch"}, "priya")
        correct(session, "one", ids[2], {"speaker": "Tom"}, "priya")
    assert segments_after_carrying(database, redis_client)[0] == ("Good morning!", None, 2)
    assert set_aside(database) == [("Think it through.", NO_WORDS), ("we move the launch", NO_SEGMENT)]


def test_a_version_without_the_track_keeps_the_correction_with_the_reason(
    database: Database, redis_client: Redis
) -> None:
    ids = transcribe(database, "one", ["good morning"])
    transcribe(database, "two", ["good morning"], made_from="one", track="channel-01")
    fix(database, ids[0], text="Good morning!")
    assert segments_after_carrying(database, redis_client) == [("good morning", None, 1)]
    assert set_aside(database) == [("Good morning!", NO_TRACK)]


def test_an_undone_correction_is_not_carried_over(database: Database, redis_client: Redis) -> None:
    ids = transcribe(database, "one", ["good morning"])
    transcribe(database, "two", ["good morning"], made_from="one")
    fix(database, ids[0], text="Good evening!")
    fix(database, ids[0], text="good morning")
    assert segments_after_carrying(database, redis_client) == [("good morning", None, 1)]


def test_corrections_of_minutes_are_carried_over_to_the_new_version(database: Database, redis_client: Redis) -> None:
    ids = transcribe(database, "one", ["good morning", "we move the lunch", "to monday then"])
    written = named(Minutes(decisions=(Sentence("The lunch moves.", (ids[1],)), Sentence("Good.", (ids[0],)))))
    with database.write() as session:
        body = MINUTES.dump_python(written, mode="json")
        session.add(
            Summary(
                meeting_id="one", seq=1, kind=SummaryKind.FINAL, version=1, through_sample=0, body=body, model="gemma"
            )
        )
        session.flush()
        moved, greeting = (sentence.id for sentence in written.decisions)
        correct_sentence(session, "one", moved, {"text": "The launch moves."}, "priya")
        correct_sentence(session, "one", greeting, {"text": "Hello."}, "priya")
        correct_sentence(session, "one", greeting, {"text": "Good."}, "priya")  # the original text again
    new = transcribe(database, "two", ["good morning we", "move the launch", "to monday then"], made_from="one")
    segments_after_carrying(database, redis_client)
    with database.read() as session:
        chosen = select(SentenceCorrection).where(SentenceCorrection.meeting_id == "two")
        (change,) = session.scalars(chosen).all()
    assert (change.sentence_id, change.text, change.original_text) == (moved, "The launch moves.", "The lunch moves.")
    assert (change.author, change.origin, change.evidence) == ("priya", "carried", [new[1]])


def test_typed_notes_stand_at_the_same_moments_in_the_new_version(database: Database) -> None:
    transcribe(database, "one", ["we move the lunch"])
    transcribe(database, "two", ["we move the launch"], made_from="one")
    with database.write() as session:
        add_typed_note(session, "one", "ask Leo", samples_of_s(1), "Mia", "local")
        carry_over(session, session.get_one(Meeting, "two"))
    with database.read() as session:
        [note] = typed_notes_of(session, "two")
        assert (note.text, note.at_sample, note.person, note.author) == ("ask Leo", samples_of_s(1), "Mia", "local")
