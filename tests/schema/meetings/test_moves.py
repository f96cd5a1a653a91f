"""Meetings change state only as the table of moves allows, in any order and number of calls."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis import Redis
from sqlalchemy import func, text, update

from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import Conflict, Gone
from schema.core.states import MeetingMove, MeetingState
from schema.mailbox import Mailbox
from schema.meetings.lifecycle import (
    MOVES,
    complete_meeting,
    delete_meeting,
    end_transcription,
    finish_meeting,
    unfinished,
)
from schema.meetings.locks import lock_versions
from schema.meetings.tables import Meeting, Track
from schema.stores import Stores
from tests.crash import SimulatedCrash

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ("schema", "api", "workers", "training", "deploy", "bench")
LIFECYCLE = ROOT / "schema/meetings/lifecycle.py"
OTHER_STATES = {"UploadState", "DeliveryState", "AdapterState"}
BACKLOG_LIMIT = 16_000
FORWARD = {("live", "draining"), ("draining", "summarizing"), ("summarizing", "finished")}
ALLOWED = FORWARD | {("draining", "live")} | {(state.value, "deleted") for state in MeetingState}
RECORD_MOVES = """
CREATE TRIGGER record_moves AFTER UPDATE OF state ON meetings
BEGIN INSERT INTO moves VALUES (OLD.state, NEW.state); END
"""


def test_the_table_allows_only_the_next_state_a_reopening_or_deletion() -> None:
    assert set(MOVES) == set(MeetingMove)
    assert {(start.value, after.value) for before, after in MOVES.values() for start in before} == ALLOWED


def sets_state(function: ast.AST) -> bool:
    """Whether a function, or a module's own lines, may write `Meeting.state`."""
    nodes = list(ast.walk(function))
    updates = {ast.unparse(call.args[0]) for call in calls(nodes, "update") if call.args}
    return (
        ("Meeting" in updates and any(map(gives_state, calls(nodes, "values"))))
        or any(map(gives_state, calls(nodes, "Meeting")))
        or any("'state'" in map(ast.unparse, call.args) for call in calls(nodes, "setattr"))
        or any(map(assigns_state, nodes))
    )


def calls(nodes: Sequence[ast.AST], name: str) -> Iterator[ast.Call]:
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called == name:
                yield node


def gives_state(call: ast.Call) -> bool:
    """Whether the call gives `state` as a keyword or as a key of a dictionary."""
    keywords = {node.arg for node in ast.walk(call) if isinstance(node, ast.keyword)}
    keys = {ast.unparse(key) for node in ast.walk(call) if isinstance(node, ast.Dict) for key in node.keys if key}
    return "state" in keywords or "'state'" in keys


def assigns_state(node: ast.AST) -> bool:
    """Whether the node assigns to `state` of anything but `self`. States of other kinds do not count."""
    match node:
        case ast.Assign(targets=[target], value=value):
            pass
        case ast.AugAssign(target=target, value=value):
            pass
        case _:
            return False
    targets = target.elts if isinstance(target, ast.Tuple) else [target]
    values = value.elts if isinstance(value, ast.Tuple) and len(value.elts) == len(targets) else [value] * len(targets)
    return any(
        isinstance(each, ast.Attribute)
        and each.attr == "state"
        and ast.unparse(each.value) != "self"
        and not any(isinstance(part, ast.Name) and part.id in OTHER_STATES for part in ast.walk(given))
        for each, given in zip(targets, values, strict=True)
    )


def functions(tree: ast.Module) -> Iterator[ast.AST]:
    """Every function, and the lines outside of functions."""
    defined = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    yield from defined
    yield ast.Module([node for node in tree.body if node not in defined], [])


@pytest.mark.parametrize(
    "line",
    [
        "session.execute(update(Meeting).where(Meeting.id == key).values(state=state))",
        "chosen = update(Meeting).where(Meeting.id == key); session.execute(chosen.values({'state': state}))",
        "meeting.state = MeetingState.FINISHED",
        "meeting.state, meeting.title = state, ''",
        "setattr(meeting, 'state', state)",
        "session.add(Meeting(id=key, state=state))",
    ],
)
def test_a_line_that_sets_the_state_of_a_meeting_is_found(line: str) -> None:
    assert sets_state(ast.parse(line))


def test_only_the_lifecycle_module_sets_the_state_of_a_meeting() -> None:
    found = []
    for path in sorted(path for package in SOURCES for path in (ROOT / package).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "schema.meetings" in source or path.is_relative_to(ROOT / "schema"):
            found += [path for function in functions(ast.parse(source)) if sets_state(function)]
    assert set(found) == {LIFECYCLE}


class MailboxThatCrashesBeforeClosing(Mailbox):
    """A mailbox whose process dies before it closes or forgets a track."""

    def close(self, *_args: object, **_options: object) -> object:  # type: ignore[override]
        raise SimulatedCrash

    def forget(self, *_args: object) -> None:
        raise SimulatedCrash


meetings = st.integers(0, 1)
dies = st.booleans()


class MeetingStateMachine(RuleBasedStateMachine):
    """Two versions of a meeting. Owners, workers and the sweep call in any order, and some of them die half-way."""

    stores: Stores
    dying: Stores
    numbers: itertools.count[int]

    def __init__(self) -> None:
        super().__init__()
        first = f"m{next(self.numbers)}"
        self.ids = [first, f"{first}-again"]
        self.expected = [MeetingState.LIVE, MeetingState.LIVE]
        with self.stores.database.write() as session:
            session.add(Meeting(id=first, owner="local", title="Secret"))
            session.add(Meeting(id=self.ids[1], owner="local", version=2, version_of=first, shown=False))
            session.flush()
            session.add_all(Track(id=f"{key}-main", meeting_id=key, name="main") for key in self.ids)

    @rule(which=meetings, dies=dies)
    def finish(self, which: int, dies: bool) -> None:
        before = self.expected[which]
        if before == MeetingState.LIVE:
            self.expected[which] = MeetingState.DRAINING
        try:
            told = finish_meeting(self.dying if dies else self.stores, self.ids[which], BACKLOG_LIMIT)
        except SimulatedCrash:
            assert dies
        except Gone:
            assert before == MeetingState.DELETED
        else:
            assert told.state == self.expected[which]

    @rule(which=meetings)
    def transcribe_all(self, which: int) -> None:
        with self.stores.database.write() as session:
            chosen = update(Track).where(Track.meeting_id == self.ids[which])
            session.execute(chosen.values(committed_sample=func.coalesce(Track.closed_sample, 0)))

    @rule(which=meetings)
    def end_transcription(self, which: int) -> None:
        with self.stores.database.read() as session:
            track = session.get(Track, f"{self.ids[which]}-main")
            whole = track is None or (track.closed_sample is not None and track.committed_sample >= track.closed_sample)
        moves = self.expected[which] == MeetingState.DRAINING and whole
        if moves:
            self.expected[which] = MeetingState.SUMMARIZING
        assert end_transcription(self.stores, self.ids[which], lambda _session, _meeting: []) == moves

    @rule(which=meetings)
    def complete(self, which: int) -> None:
        with self.stores.database.write() as session:
            versions = lock_versions(session, self.ids[which])
            meeting = session.get_one(Meeting, self.ids[which])
            if self.expected[which] != MeetingState.SUMMARIZING:
                with pytest.raises(Conflict):
                    complete_meeting(session, meeting, versions)
                return
            complete_meeting(session, meeting, versions)
            assert [each.id for each in versions if each.shown] == [meeting.id]
        self.expected[which] = MeetingState.FINISHED

    @rule(which=meetings)
    def go_on(self, which: int) -> None:
        """Make the call that usually comes next, since few meetings would be finished by random calls alone."""
        match self.expected[which]:
            case MeetingState.LIVE:
                self.finish(which, dies=False)
            case MeetingState.DRAINING:
                self.transcribe_all(which)
                self.end_transcription(which)
            case MeetingState.SUMMARIZING:
                self.complete(which)

    @rule(which=meetings, dies=dies)
    def delete(self, which: int, dies: bool) -> None:
        self.expected[which] = MeetingState.DELETED
        try:
            delete_meeting(self.dying if dies else self.stores, self.ids[which])
        except SimulatedCrash:
            assert dies

    @rule()
    def sweep(self) -> None:
        with self.stores.database.read() as session:
            left = set(unfinished(session)) & set(self.ids)
        for which, key in enumerate(self.ids):
            if key not in left:
                continue
            if self.expected[which] == MeetingState.DELETED:
                delete_meeting(self.stores, key)
            else:
                finish_meeting(self.stores, key, BACKLOG_LIMIT)
        with self.stores.database.read() as session:
            assert not set(unfinished(session)) & set(self.ids)

    @invariant()
    def states_and_moves_are_as_expected(self) -> None:
        with self.stores.database.read() as session:
            states = [MeetingState(session.get_one(Meeting, key).state) for key in self.ids]
        assert states == self.expected
        assert made_moves(self.stores.database) <= ALLOWED


def made_moves(database: Database) -> set[tuple[str, str]]:
    with database.read() as session:
        return {(before, after) for before, after in session.execute(text("SELECT before, after FROM moves"))}


@pytest.fixture
def machine(tmp_path: Path, redis_client: Redis) -> Iterator[type[MeetingStateMachine]]:
    """Meetings in a database that notes every move."""
    database = Database(f"sqlite:///{tmp_path / 'm.db'}")
    migrate.upgrade(database)
    with database.write() as session:
        session.execute(text("CREATE TABLE moves (before TEXT, after TEXT)"))
        session.execute(text(RECORD_MOVES))
    whole = Stores(database, redis_client, Mailbox(redis_client), storage_url="")
    dying = Stores(database, redis_client, MailboxThatCrashesBeforeClosing(redis_client), storage_url="")
    yield type("Machine", (MeetingStateMachine,), {"stores": whole, "dying": dying, "numbers": itertools.count()})
    database.close()


def test_a_meeting_goes_through_its_whole_life(machine: type[MeetingStateMachine]) -> None:
    lives = machine()
    steps: tuple[Callable[[], None], ...] = (
        lambda: lives.finish(0, dies=True),
        lambda: lives.finish(0, dies=False),
        lambda: lives.transcribe_all(0),
        lambda: lives.end_transcription(0),
        lambda: lives.complete(0),
        lambda: lives.delete(0, dies=True),
        lambda: lives.delete(0, dies=False),
        lambda: lives.finish(0, dies=False),
    )
    for step in steps:
        step()
        lives.states_and_moves_are_as_expected()
    assert made_moves(machine.stores.database) == {*FORWARD, ("finished", "deleted"), ("deleted", "deleted")}


def test_no_sequence_of_calls_makes_a_move_outside_the_table(machine: type[MeetingStateMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    assert made_moves(machine.stores.database) <= ALLOWED
