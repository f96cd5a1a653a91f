"""A model behind an endpoint writes the minutes of a meeting in the database, and says so; without it rules write."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import select

from schema.core.database import Database
from schema.core.errors import InvalidInput
from schema.core.settings import Settings
from schema.core.states import AdapterTask, SummaryKind
from schema.mailbox import Mailbox
from schema.meetings.tables import Meeting, Note, Summary
from schema.minutes.minutes import MINUTES, Minutes
from schema.minutes.note import NOTE
from schema.stores import Stores
from tests.models import FOLDER
from tests.workers.sample_transcript import FIRST_TURNS, commit_turns, end_meeting
from tests.workers.summarize.chat.chat_server import ChatServer, Reply, chat_server, refused, said
from tests.workers.worker_rig import WorkerRig
from workers.models.adapters import AdapterStore
from workers.summarize.chat.endpoint import EndpointModel, EndpointOptions, endpoint_options
from workers.summarize.hold import hold_key
from workers.summarize.summarizer import Summarizer
from workers.summarize.writing.model import TextModel
from workers.summarize.writing.trained import EMBEDDED

ANSWER = json.dumps({
    "title": "The launch",
    "changes": [
        {"change": "add", "item": None, "kind": "decision", "text": "The launch moves to Monday.", "owner": None,
         "due": None, "lines": [1, 2]},
    ],
})  # fmt: skip


FINAL = json.dumps({
    "title": "Moving the launch",
    "overview": [{"text": "Eleven of the forty payment tests failed.", "items": []}],
    "chapters": [],
})  # fmt: skip


def summarised(rig: WorkerRig, model: TextModel, server: ChatServer) -> tuple[Minutes, Summary, list[Note]]:
    """The final minutes of a meeting that the endpoint *server* is asked to write, with their rows."""
    rig.open_meeting()
    commit_turns(rig, FIRST_TURNS)
    end_meeting(rig)
    chat = EndpointModel(EndpointOptions(server.url, "llama", retries=0, timeout_s=20))
    rig.summarizer(model, chat=chat).run("m")
    with rig.database.read() as session:
        final = session.scalars(select(Summary).where(Summary.kind == SummaryKind.FINAL)).one()
        return MINUTES.validate_python(final.body), final, list(session.scalars(select(Note)))


@pytest.mark.model
def test_minutes_name_the_model_that_wrote_them(rig: WorkerRig, gemma: TextModel) -> None:
    with chat_server(said(ANSWER), said(FINAL)) as server:
        minutes, final, [note] = summarised(rig, gemma, server)
    with rig.database.read() as session:
        meeting = session.get_one(Meeting, "m")
    assert minutes.title == meeting.title == "Moving the launch"
    assert [decision.text for decision in minutes.decisions] == ["The launch moves to Monday."]
    assert minutes.decisions[0].evidence
    assert (final.model, note.model, final.adapter) == ("llama", "llama", None)


@pytest.mark.model
def test_without_an_answer_this_machine_writes_and_the_note_says_why(rig: WorkerRig, gemma: TextModel) -> None:
    with chat_server(refused(500, "out of memory")) as server:
        minutes, final, [note] = summarised(rig, gemma, server)
    assert minutes.overview
    assert final.model == EMBEDDED
    assert "answered 500" in (NOTE.validate_python(note.body).fell_back or "")


def summarise(sql_url: str, redis_url: str, endpoint: str, folder: str) -> None:
    """What one worker process does for the meeting `m`."""
    redis = Redis.from_url(redis_url)
    stores = Stores(Database(sql_url), redis, Mailbox(redis), folder)
    Summarizer(
        name="killed",
        model=None,
        model_name="none",
        stores=stores,
        adapters=AdapterStore(stores.database, Path(folder), AdapterTask.SUMMARY),
        shipped=None,
        rolling_words=60,
        crash_limit=3,
        model_dir=FOLDER,
        chat=EndpointModel(EndpointOptions(endpoint, "llama", timeout_s=600)),
    ).run("m")


@pytest.mark.model
def test_a_worker_that_is_killed_while_the_model_writes_costs_no_item_and_doubles_none(
    rig: WorkerRig, tmp_path: Path
) -> None:
    rig.open_meeting()
    commit_turns(rig, FIRST_TURNS)
    end_meeting(rig)
    with chat_server(Reply(None), said(ANSWER), said(FINAL)) as server:
        places = (f"sqlite:///{tmp_path / 'm.db'}", rig.redis_url, server.url, str(tmp_path))
        worker = multiprocessing.get_context("spawn").Process(target=summarise, args=places)
        worker.start()
        while not server.requests and worker.is_alive():
            worker.join(0.05)
        worker.kill()
        worker.join()
        assert len(server.requests) == 1
        rig.redis.delete(hold_key("m"))  # It ends by itself after half a minute.
        rig.summarizer(None, chat=EndpointModel(EndpointOptions(server.url, "llama", timeout_s=20))).run("m")
    with rig.database.read() as session:
        final = session.scalars(select(Summary).where(Summary.kind == SummaryKind.FINAL)).one()
        notes = session.scalars(select(Note)).all()
    minutes = MINUTES.validate_python(final.body)
    assert len(notes) == 1
    assert [decision.text for decision in minutes.decisions] == ["The launch moves to Monday."]
    assert (minutes.title, minutes.fell_back) == ("Moving the launch", None)


def settings_with(**values: str | Path) -> Settings:
    return Settings(**values)  # type: ignore[arg-type]


def test_the_key_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-1234\n")
    made = settings_with(summary_url="http://localhost:1/v1", summary_url_model="m", summary_url_key_file=file)
    options = endpoint_options(made)
    assert options is not None
    assert options.key == "sk-1234"
    assert "sk-1234" not in repr(made)
    file.unlink()
    with pytest.raises(InvalidInput, match="key cannot be read"):
        endpoint_options(made)


def test_without_an_address_nothing_is_asked() -> None:
    assert endpoint_options(settings_with()) is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"summary_url": "localhost:11434"}, "such as http://localhost:11434/v1"),
        ({"summary_url": "http://localhost:11434/v1"}, "needs MINUTEBOOK_SUMMARY_URL_MODEL"),
    ],
)
def test_an_incomplete_endpoint_is_refused_with_the_remedy(values: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings_with(**values)
