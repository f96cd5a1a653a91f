"""Adapters of the registry in meetings: used from the next step on, named in their text, left out when damaged."""

from __future__ import annotations

import json
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
from tests.models import write_decoder, write_text_adapter
from tests.workers.sample_transcript import assert_all_transcribed, error_rate_of
from tests.workers.worker_rig import WorkerRig
from training.data.audio import Samples
from training.registry.store import put
from workers.asr.engine import Engine
from workers.models.lora import METADATA, remove
from workers.summarize.writing.model import TextModel, load_model
from workers.summarize.writing.trained import EMBEDDED

pytestmark = pytest.mark.model
BY = Grounds("ann")


@pytest.fixture
def rig(database: Database, redis_client: Redis, whisper: Engine, tmp_path: Path) -> Iterator[WorkerRig]:
    """A rig on the engine of the session, from which all adapters are removed afterwards."""
    yield WorkerRig(database, redis_client, whisper, tmp_path / "adapters")
    for name in whisper.adapters:
        remove(whisper.whisper.net, name)
    whisper.whisper.adapters.clear()


def register(rig: WorkerRig, folder: Path, name: str, number: int = 1, **fields: object) -> None:
    """Put the adapter in *folder* into the registry, as active unless *fields* give another state."""
    stored = put(rig.store, {path.name: path for path in folder.iterdir()})
    with rig.database.write() as session:
        session.add(version(name, number, checksum=stored.checksum, **fields))  # type: ignore[arg-type]


def set_meeting(rig: WorkerRig, meeting_id: str, **fields: str | int) -> None:
    with rig.database.write() as session:
        session.execute(update(Meeting).where(Meeting.id == meeting_id).values(**fields))


def texts_by_adapter(rig: WorkerRig, meeting_id: str = "m") -> list[tuple[str | None, str]]:
    """The adapter and text of each segment, in order."""
    with rig.database.read() as session:
        rows = session.query(Segment).where(Segment.meeting_id == meeting_id).order_by(Segment.first_sample)
        return [(row.adapter, row.text) for row in rows]


def serve(rig: WorkerRig, number: int, instead_of: int | None) -> None:
    with rig.database.write() as session:
        before = instead_of and find_version(session, AdapterTask.ASR, AdapterLabel("clinic", instead_of)).id
        promote(session, find_version(session, AdapterTask.ASR, AdapterLabel("clinic", number)), before, BY)


def test_a_live_meeting_uses_a_promoted_or_rolled_back_version_from_its_next_step(
    rig: WorkerRig, speech: Samples, tmp_path: Path
) -> None:
    for number, folder in enumerate((write_lora(tmp_path / "one", MILD), write_adalora(tmp_path / "two", MILD)), 1):
        register(rig, folder, "clinic", number, state=AdapterState.DRAFT)
    serve(rig, 1, None)
    track_id = rig.open_meeting()
    set_meeting(rig, "m", asr_adapter="clinic")
    worker = rig.worker()
    thirds = [speech[samples_of_s(first) : samples_of_s(end)] for first, end in ((0, 6), (6, 12), (12, 17))]
    rig.append(track_id, thirds[0])
    rig.run_until_idle(worker)
    serve(rig, 2, 1)
    rig.append(track_id, thirds[1])
    rig.run_until_idle(worker)
    with rig.database.write() as session:
        roll_back(session, AdapterTask.ASR, "clinic", BY)
    rig.append(track_id, thirds[2])
    rig.finish()
    rig.run_until_idle(worker)
    assert_all_transcribed(rig)
    adapters = [adapter for adapter, _ in texts_by_adapter(rig)]
    assert [adapter for adapter, _ in groupby(adapters)] == ["clinic@1", "clinic@2", "clinic@1"]


def test_the_default_adapter_serves_by_default_and_each_meeting_of_a_step_has_its_own(
    rig: WorkerRig, speech: Samples, tmp_path: Path
) -> None:
    register(rig, write_lora(tmp_path / "usual", MILD), "default")
    register(rig, write_lora(tmp_path / "wild", WILD), "clinic", 3)
    register(rig, write_adalora(tmp_path / "short", 0.0, audio_context=True), "short", state=AdapterState.DRAFT)
    named = {"a": None, "b": "clinic", "c": "base", "d": "short@1", "e": "gone"}
    for meeting_id, name in named.items():
        rig.append(rig.open_meeting(meeting_id), speech[: samples_of_s(6)])
        if name:
            set_meeting(rig, meeting_id, asr_adapter=name)
        rig.finish(meeting_id)
    rig.run_until_idle()
    adapters = {each: {adapter for adapter, _ in texts_by_adapter(rig, each)} for each in "acde"}
    assert adapters == {"a": {"default@1"}, "c": {None}, "d": {"short@1"}, "e": {None}}
    assert rig.text("a") == rig.text("c") == rig.text("e")
    assert rig.text("b") != rig.text("c")


def test_a_damaged_adapter_is_left_out_and_no_words_are_lost(
    rig: WorkerRig, speech: Samples, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    register(rig, write_lora(tmp_path / "one", WILD), "default")
    (weights,) = rig.store.glob("*/adapter_model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-4] + b"oops")
    rig.append(rig.open_meeting(), speech)
    rig.finish()
    rig.run_until_idle()
    assert_all_transcribed(rig)
    assert {adapter for adapter, _ in texts_by_adapter(rig)} == {None}
    warnings = [record.message for record in caplog.records if "is left out" in record.message]
    assert len(warnings) == 1
    assert "differs from its checksum" in warnings[0]


def test_an_adapter_loads_the_model_and_notes_and_minutes_name_what_wrote_them(rig: WorkerRig, tmp_path: Path) -> None:
    base = write_decoder(tmp_path / "decoder", context_tokens=512)
    adapter = write_text_adapter(base, tmp_path / "text")
    (adapter / METADATA).write_text(json.dumps({"instruction": "summarize : "}))
    register(rig, adapter, "short", task=AdapterTask.SUMMARY)
    rig.open_meeting()
    set_meeting(rig, "m", summary_adapter="short", state="summarizing", seq=1)
    with rig.database.write() as session:
        place = {"track_id": "m-main", "seq": 1, "first_sample": 0, "end_sample": 16_000, "words": [], "closed": True}
        text = "The boiler lost pressure twice and nobody has a key."
        session.add(Segment(meeting_id="m", text=text, model="tiny.en", **place))
    loaded: list[str] = []

    def load() -> TextModel:
        loaded.append(str(base))
        return load_model(str(base), tmp_path, precision="float32")

    summarizer = rig.summarizer(None, load_model=load)
    rig.open_meeting("plain")
    set_meeting(rig, "plain", state="summarizing")
    summarizer.run("plain")
    assert loaded == []
    summarizer.run("m")
    assert loaded == [str(base)]
    with rig.database.read() as session:
        assert [note.adapter for note in session.query(Note)] == ["short@1"]
        found = {summary.meeting_id: (summary.model, summary.adapter) for summary in session.query(Summary)}
    assert found == {"m": ("gemma", "short@1"), "plain": (EMBEDDED, None)}


def test_a_change_of_adapter_starts_a_new_segment(rig: WorkerRig, speech: Samples, tmp_path: Path) -> None:
    """Even in the middle of a sentence, since a segment names one adapter."""
    register(rig, write_lora(tmp_path / "one", MILD), "clinic", 1)
    track_id = rig.open_meeting()
    worker = rig.worker()
    rig.append(track_id, speech[: samples_of_s(4)])
    worker.step(0)
    set_meeting(rig, "m", asr_adapter="clinic")
    rig.append(track_id, speech[samples_of_s(4) :])
    rig.finish()
    rig.run_until_idle(worker)
    assert next(adapter for adapter, _ in texts_by_adapter(rig)) is None
    assert error_rate_of(rig.text()) <= 0.05
    assert {adapter for adapter, _ in texts_by_adapter(rig)} == {None, "clinic@1"}
