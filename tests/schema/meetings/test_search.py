"""Full-text search on both kinds of database: hits, their order, and that no input breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import InvalidInput
from schema.core.states import MeetingState
from schema.meetings import search as module
from schema.meetings.search import (
    TERMS_LIMIT,
    Hit,
    SearchScope,
    SearchTerm,
    last_segment_id,
    parse_query,
    search,
    unmarked,
)
from schema.meetings.tables import Meeting, Segment, Track
from tests.servers import fresh_postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'minutebook.db'}")
    else:
        database = Database(fresh_postgres(request.getfixturevalue("postgres_url"), "search_tests"))
    migrate.upgrade(database)
    yield database
    database.close()


def say(database: Database, *texts: str, meeting_id: str = "m", owner: str = "local") -> list[int]:
    """Add closed segments to a meeting and return their ids."""
    with database.write() as session:
        if session.get(Meeting, meeting_id) is None:
            session.add(Meeting(id=meeting_id, owner=owner, title=meeting_id.upper()))
            session.flush()
            session.add(Track(id=f"{meeting_id}-main", meeting_id=meeting_id, name="main"))
            session.flush()
        segments = [
            Segment(
                meeting_id=meeting_id,
                track_id=f"{meeting_id}-main",
                seq=at,
                first_sample=16_000 * at,
                end_sample=16_000 * at + 8_000,
                text=each,
                words=[],
                closed=True,
                model="tiny.en",
            )
            for at, each in enumerate(texts)
        ]
        session.add_all(segments)
        session.flush()
        return [segment.id for segment in segments]


def find(
    database: Database, query: str, scope: SearchScope | None = None, limit: int = 10, offset: int = 0
) -> list[Hit]:
    with database.read() as session:
        return search(session, parse_query(query), scope or SearchScope(), limit, offset)


def found(database: Database, query: str, scope: SearchScope | None = None) -> set[str]:
    return {hit.segment.text for hit in find(database, query, scope)}


LAUNCH = "We move the launch to Monday."
BUDGET = "The budget for the launch is not approved."
CAFE = "Let us meet at the café in Zürich."


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("launch", {LAUNCH, BUDGET}),
        ("LAUNCH monday", {LAUNCH}),
        ("launch friday", set()),
        ('"the launch"', {LAUNCH, BUDGET}),
        ('"launch the"', set()),
        ('"launch to mon', set()),
        ('"launch to monday', {LAUNCH}),
        ("laun*", {LAUNCH, BUDGET}),
        ("laun", set()),
        ("café", {CAFE}),
        ("ZÜRICH", {CAFE}),
    ],
)
def test_a_hit_contains_every_word_and_phrases_in_order(database: Database, query: str, texts: set[str]) -> None:
    say(database, LAUNCH, BUDGET, CAFE)
    assert found(database, query) == texts


@pytest.mark.parametrize(
    "query",
    [
        'launch"',
        "launch AND",
        "NOT launch",
        "launch*",
        '"launch" NEAR(',
        "text:launch",
        "-launch",
        "launch)",
        "^launch",
    ],
)
def test_operators_of_the_databases_have_no_effect(database: Database, query: str) -> None:
    say(database, LAUNCH)
    assert found(database, query) <= {LAUNCH}


@given(
    st.text(alphabet=st.sampled_from("ab \"'*()^:+-!|&<>~{}[]\\\0%_é統²\n")).filter(lambda q: any(map(str.isalnum, q)))
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_input_breaks_a_search(database: Database, query: str) -> None:
    try:
        terms = parse_query(query)
    except InvalidInput:
        return
    with database.read() as session:
        assert search(session, terms, SearchScope(), 10) == []


def test_an_open_segment_is_found_by_its_present_text(database: Database) -> None:
    (segment_id,) = say(database, "We move")
    assert found(database, "launch") == set()
    for grown in ("We move the launch", "We move the lunch"):
        with database.write() as session:
            session.execute(update(Segment).where(Segment.id == segment_id).values(text=grown))
        assert found(database, "move") == {grown}
    assert found(database, "launch") == set()
    assert found(database, "lunch") == {"We move the lunch"}


def test_deleted_segments_and_meetings_are_not_found(database: Database) -> None:
    gone, stays = say(database, LAUNCH, BUDGET)
    with database.write() as session:
        session.execute(delete(Segment).where(Segment.id == gone))
    assert [hit.segment.id for hit in find(database, "launch")] == [stays]
    with database.write() as session:
        session.execute(update(Meeting).values(state=MeetingState.DELETED))
    assert find(database, "launch") == []
    with database.write() as session:
        session.execute(delete(Meeting))
    assert find(database, "launch") == []


def test_segments_that_repeat_the_word_in_fewer_words_rank_first(database: Database) -> None:
    say(database, "Somebody said something long about other things and the disk once.", "Disk, disk, disk.", BUDGET)
    assert [hit.segment.text[:4] for hit in find(database, "disk")] == ["Disk", "Some"]
    ranks = [hit.rank for hit in find(database, "disk")]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[0] > ranks[1] > 0


def test_only_segments_in_scope_are_found(database: Database) -> None:
    say(database, LAUNCH, meeting_id="mine", owner="me")
    say(database, LAUNCH, meeting_id="yours", owner="you")
    assert [hit.meeting.id for hit in find(database, "launch", SearchScope(owner="me"))] == ["mine"]
    assert [hit.meeting.id for hit in find(database, "launch", SearchScope(meeting_id="yours"))] == ["yours"]
    assert find(database, "launch", SearchScope(owner="me", meeting_id="yours")) == []
    assert len(find(database, "launch")) == 2


def test_pages_tile_the_hits_while_segments_are_added(database: Database) -> None:
    ids = say(database, *[f"The disk number {number} is full." for number in range(7)])
    with database.read() as session:
        scope = SearchScope(through_id=last_segment_id(session))
    first = find(database, "disk", scope, limit=4)
    say(database, *["Disk disk disk."] * 3, meeting_id="later")
    rest = find(database, "disk", scope, limit=4, offset=4)
    assert [hit.segment.id for hit in first + rest] == ids[::-1]


def test_only_the_newest_matches_are_ranked(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RANKED_LIMIT", 2)
    say(database, "Disk.", "The disk is full.", "The disk is still full.")
    assert found(database, "disk") == {"The disk is full.", "The disk is still full."}


def test_a_snippet_is_short_and_marks_the_words(database: Database) -> None:
    long = " ".join(["filler"] * 100 + ["the", "launch", "moves"] + ["filler"] * 100)
    say(database, long, LAUNCH)
    hits = {hit.segment.text: hit for hit in find(database, "the launch")}
    for hit in hits.values():
        assert {hit.snippet[first:end] for first, end in hit.marks} == {"the", "launch"}
    assert len(hits[long].snippet.split()) < 40
    assert hits[LAUNCH].snippet == LAUNCH


def test_segments_older_than_the_index_are_found(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'minutebook.db'}")
    migrate.upgrade(database)
    say(database, LAUNCH)
    migrate.downgrade(database, "0002")
    migrate.upgrade(database)
    assert found(database, "launch") == {LAUNCH}
    database.close()


def test_a_query_is_split_into_terms_phrases_and_prefixes() -> None:
    query = 'budget "not approved" laun* AND "open end'
    assert parse_query(query) == [
        SearchTerm("budget"),
        SearchTerm("not approved"),
        SearchTerm("laun", prefix=True),
        SearchTerm("AND"),
        SearchTerm("open end"),
    ]
    with pytest.raises(InvalidInput, match=r"'\"\" -- \*' contains no word; give words"):
        parse_query('"" -- *')
    with pytest.raises(InvalidInput, match="q has 17 terms; give at most 16"):
        parse_query("word " * (TERMS_LIMIT + 1))


def test_unpaired_marks_are_removed() -> None:
    assert unmarked("\x03We \x02move\x03 the \x02\x02launch") == ("We move the launch", [(3, 7)])
