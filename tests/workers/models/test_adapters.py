"""Adapters from the registry in meetings: taken up at the next step, named in what they write, done without."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import update

from schema.adapters.lifecycle import Grounds, promote, roll_back
from schema.adapters.registry import find_version
from schema.adapters.wire import AdapterLabel
from schema.core.database import Database
from schema.core.states import AdapterState, AdapterTask
from schema.core.units import samples_of_s
from schema.meetings.tables import Meeting, Note, Segment, Summary
from tests.adapters import MILD, WILD, version, write_adalora, write_lora
from tests.text_models import write_decoder, write_text_adapter
from tests.workers.spoken import assert_all_there, errors_in
from tests.workers.studio import Audio, Studio
from training.registry.store import put
from workers.asr.engine import Engine
from workers.models.lora import remove
from workers.summarize.writing.model import load_model

pytestmark = pytest.mark.model
BY = Grounds("ann")


@pytest.fixture
def studio(database: Database, redis_client: Redis, whisper: Engine, tmp_path: Path) -> Iterator[Studio]:
    """The engine of the session is given back as it was."""
    yield Studio(database, redis_client, whisper, tmp_path / "adapters")
    for name in whisper.adapters:
        remove(whisper.whisper.net, name)
    whisper.whisper.adapters.clear()


def shelve(studio: Studio, folder: Path, name: str, number: int = 1, **fields: object) -> None:
    """Put the adapter in *folder* into the registry, active unless said otherwise."""
    stored = put(studio.store, {path.name: path for path in folder.iterdir()})
    with studio.database.write() as session:
        session.add(version(name, number, checksum=stored.checksum, **fields))  # type: ignore[arg-type]


def wants(studio: Studio, meeting_id: str, **fields: str | int) -> None:
    with studio.database.write() as session:
        session.execute(update(Meeting).where(Meeting.id == meeting_id).values(**fields))


def written(studio: Studio, meeting_id: str = "m") -> list[tuple[str | None, str]]:
    """Which adapter wrote which text, in order."""
    with studio.database.read() as session:
        rows = session.query(Segment).where(Segment.meeting_id == meeting_id).order_by(Segment.first_sample)
        return [(row.adapter, row.text) for row in rows]


def serve(studio: Studio, number: int, instead_of: int | None) -> None:
    with studio.database.write() as session:
        before = instead_of and find_version(session, AdapterTask.ASR, AdapterLabel("clinic", instead_of)).id
        promote(session, find_version(session, AdapterTask.ASR, AdapterLabel("clinic", number)), before, BY)


def test_a_live_meeting_takes_up_what_is_promoted_and_gone_back_to(
    studio: Studio, speech: Audio, tmp_path: Path
) -> None:
    for number, folder in enumerate((write_lora(tmp_path / "one", MILD), write_adalora(tmp_path / "two", MILD)), 1):
        shelve(studio, folder, "clinic", number, state=AdapterState.DRAFT)
    serve(studio, 1, None)
    track_id = studio.open_meeting()
    wants(studio, "m", asr_adapter="clinic")
    worker = studio.worker()
    thirds = [speech[samples_of_s(first) : samples_of_s(end)] for first, end in ((0, 6), (6, 12), (12, 17))]
    studio.speak(track_id, thirds[0])
    studio.work(worker)
    serve(studio, 2, 1)
    studio.speak(track_id, thirds[1])
    studio.work(worker)
    with studio.database.write() as session:
        roll_back(session, AdapterTask.ASR, "clinic", BY)
    studio.speak(track_id, thirds[2])
    studio.finish()
    studio.work(worker)
    assert_all_there(studio)
    adapters = [adapter for adapter, _ in written(studio)]
    assert [adapter for adapter, _ in groupby(adapters)] == ["clinic@1", "clinic@2", "clinic@1"]


def test_the_default_serves_who_names_none_and_every_meeting_of_a_step_has_its_own(
    studio: Studio, speech: Audio, tmp_path: Path
) -> None:
    shelve(studio, write_lora(tmp_path / "usual", MILD), "default")
    shelve(studio, write_lora(tmp_path / "wild", WILD), "clinic", 3)
    shelve(studio, write_adalora(tmp_path / "short", 0.0, audio_context=True), "short", state=AdapterState.DRAFT)
    named = {"a": None, "b": "clinic", "c": "base", "d": "short@1", "e": "gone"}
    for meeting_id, name in named.items():
        studio.speak(studio.open_meeting(meeting_id), speech[: samples_of_s(6)])
        if name:
            wants(studio, meeting_id, asr_adapter=name)
        studio.finish(meeting_id)
    studio.work()
    adapters = {each: {adapter for adapter, _ in written(studio, each)} for each in "acde"}
    assert adapters == {"a": {"default@1"}, "c": {None}, "d": {"short@1"}, "e": {None}}
    assert studio.text("a") == studio.text("c") == studio.text("e")
    assert studio.text("b") != studio.text("c")


def test_damaged_files_cost_accuracy_and_no_words(
    studio: Studio, speech: Audio, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelve(studio, write_lora(tmp_path / "one", WILD), "default")
    (weights,) = studio.store.glob("*/adapter_model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-4] + b"oops")
    studio.speak(studio.open_meeting(), speech)
    studio.finish()
    studio.work()
    assert_all_there(studio)
    assert {adapter for adapter, _ in written(studio)} == {None}
    told = [record.message for record in caplog.records if "is left out" in record.message]
    assert len(told) == 1
    assert "differs from its checksum" in told[0]


def test_minutes_say_which_adapter_wrote_them(studio: Studio, tmp_path: Path) -> None:
    base = write_decoder(tmp_path / "decoder", context_tokens=512)
    shelve(studio, write_text_adapter(base, tmp_path / "text"), "short", task=AdapterTask.SUMMARY)
    studio.open_meeting()
    wants(studio, "m", summary_adapter="short", state="summarizing", seq=1)
    with studio.database.write() as session:
        place = {"track_id": "m-main", "seq": 1, "first_sample": 0, "end_sample": 16_000, "words": [], "closed": True}
        text = "The boiler lost pressure twice and nobody has a key."
        session.add(Segment(meeting_id="m", text=text, model="tiny.en", **place))
    summarizer = studio.summarizer(load_model(str(base), tmp_path, precision="float32"))
    summarizer.run("m")
    studio.open_meeting("plain")
    wants(studio, "plain", state="summarizing")
    summarizer.run("plain")
    with studio.database.read() as session:
        assert [note.adapter for note in session.query(Note)] == ["short@1"]
        found = {summary.meeting_id: summary.adapter for summary in session.query(Summary)}
    assert found == {"m": "short@1", "plain": None}


def test_words_of_another_adapter_begin_a_segment(studio: Studio, speech: Audio, tmp_path: Path) -> None:
    """Also in the middle of a sentence: a segment names one adapter."""
    shelve(studio, write_lora(tmp_path / "one", MILD), "clinic", 1)
    track_id = studio.open_meeting()
    worker = studio.worker()
    studio.speak(track_id, speech[: samples_of_s(4)])
    worker.step(0)
    wants(studio, "m", asr_adapter="clinic")
    studio.speak(track_id, speech[samples_of_s(4) :])
    studio.finish()
    studio.work(worker)
    assert next(adapter for adapter, _ in written(studio)) is None
    assert errors_in(studio.text()) <= 0.05
    assert {adapter for adapter, _ in written(studio)} == {None, "clinic@1"}
