"""The gate measures what a worker writes, and promotes a version only for a gain or with a reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from schema.adapters.registry import active_version, history
from schema.adapters.tables import Adapter
from schema.core.database import Database
from schema.core.errors import Conflict, DataOverlap, NoGain
from schema.core.settings import Settings
from schema.core.states import AdapterTask, TrackKind
from schema.meetings.tables import Meeting, Track
from tests import models
from tests.adapters import BASE, WILD, write_adalora, write_lora
from tests.models import write_decoder, write_text_adapter
from tests.workers.worker_rig import BACKLOG_LIMIT_SAMPLES, WorkerRig
from training.data import Dataset, load, read_audio
from training.data.training_fingerprints import write_fingerprints
from training.data.transcript_lines import transcript_segments
from training.evaluation.systems import transcripts
from training.registry.gate import Promotion, promote_if_better
from training.registry.publish import RegistryFolders, publish
from workers.models.lora import remove

pytestmark = pytest.mark.model
DEMO = models.ROOT / "deploy/demo"
CLIPS = 5


@pytest.fixture
def clips(tmp_path: Path) -> Dataset:
    """The first turns of the sample meeting, each a clip."""
    turns = json.loads((DEMO / "segments.json").read_text())[:CLIPS]
    lines = [
        {
            "audio": str(DEMO / "meeting.flac"),
            "id": f"c{number}",
            **{key: each[key] for key in ("start_s", "end_s", "text")},
        }
        for number, each in enumerate(turns)
    ]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return load(tmp_path / "test.jsonl", "test", needs=("audio", "text"))


@pytest.fixture
def config(places: RegistryFolders) -> Settings:
    return Settings(data_dir=places.store.parent, model_dir=places.models, asr_model=BASE, asr_precision="float32")


def published(database: Database, places: RegistryFolders, folder: Path) -> Adapter:
    return publish(database, places, folder, "clinic").adapter


def promote(
    database: Database, config: Settings, adapter: Adapter, clips: Dataset, serving: Adapter | None = None, **more: Any
) -> dict[str, object]:
    wanted = Promotion(adapter, serving, clips, "clips (test)", "ann", **more)
    return promote_if_better(database, config, wanted, lambda _line: None)


def serving(database: Database) -> str | None:
    with database.read() as session:
        active = active_version(session, AdapterTask.ASR, "clinic")
        return active.label if active else None


def test_a_version_is_promoted_for_a_gain_and_without_one_only_with_a_reason(
    database: Database, config: Settings, places: RegistryFolders, clips: Dataset, mild: Path, tmp_path: Path
) -> None:
    good = published(database, places, mild)
    bad = published(database, places, write_lora(tmp_path / "bad", WILD, base_model=BASE))
    with pytest.raises(NoGain, match=r"clinic@2 shows no gain over the bare model .*gain -\d\.\d+ \(95 %") as refused:
        promote(database, config, bad, clips)
    assert float(str(refused.value.facts["candidate"])) > float(str(refused.value.facts["serving"]))
    assert serving(database) is None
    promote(database, config, bad, clips, force_reason="to see it fail")
    assert serving(database) == "clinic@2"
    with pytest.raises(Conflict, match="is now clinic@2"):
        promote(database, config, good, clips, force_reason="compared with what serves no more")
    figures = promote(database, config, good, clips, serving=bad)
    assert serving(database) == "clinic@1"
    assert float(str(figures["gain_low"])) > 0
    with database.read() as session:
        last, first = history(session, AdapterTask.ASR, "clinic").decisions
    assert (first.adapter, first.forced, first.reason, first.decided_by) == ("clinic@2", True, "to see it fail", "ann")
    assert (last.adapter, last.replaced, last.forced, last.figures) == ("clinic@1", "clinic@2", False, figures)
    assert (figures["examples"], figures["precision"], figures["compared_with"]) == (CLIPS, "float32", "clinic@2")


def test_the_training_set_is_refused_as_test_set(
    database: Database, config: Settings, places: RegistryFolders, clips: Dataset, mild: Path
) -> None:
    (mild / "metrics.json").write_text(json.dumps({"training": {"data_fingerprint": clips.fingerprint}}))
    with pytest.raises(DataOverlap, match="was trained on clips"):
        promote(database, config, published(database, places, mild), clips)


def test_a_training_recording_is_found_in_any_test_set(
    database: Database, config: Settings, places: RegistryFolders, clips: Dataset, mild: Path, tmp_path: Path
) -> None:
    (tmp_path / "learnt").mkdir()
    shutil.copy(clips[2].audio or "", tmp_path / "learnt/renamed.flac")
    row = {"id": "x", "audio": "renamed.flac", "start_s": clips[2].start_s, "end_s": clips[2].end_s, "text": "other"}
    (tmp_path / "learnt/train.jsonl").write_text(json.dumps(row))
    write_fingerprints(mild, load(tmp_path / "learnt"))
    with pytest.raises(DataOverlap, match=r"example 1 of the adapter's training shares audio with test\.jsonl:3\."):
        promote(database, config, published(database, places, mild), clips)


def test_minutes_are_compared_by_rouge(
    database: Database, config: Settings, places: RegistryFolders, tmp_path: Path
) -> None:
    base = write_decoder(tmp_path / "decoder", context_tokens=512)
    folder = write_text_adapter(base, tmp_path / "text")
    adapter = publish(database, places, folder, "clinic", base=str(base)).adapter
    text = "Eva: The boiler lost pressure twice.\nTom: Nobody has a key. We decided to call the firm."
    (tmp_path / "m.jsonl").write_text(json.dumps({"text": text, "summary": "The boiler lost pressure twice."}))
    data = load(tmp_path / "m.jsonl", "test", needs=("text", "summary"))
    small = config.model_copy(update={"summary_model": str(base), "summary_precision": "float32"})
    with pytest.raises(NoGain) as refused:
        promote(database, small, adapter, data)
    facts = refused.value.facts
    assert facts["metric"] == "ROUGE-1"
    assert 0 < float(str(facts["serving"])) <= 1
    assert {"rouge2_candidate", "rougeL_serving"} <= facts.keys()


def test_speakers_are_read_from_the_lines_of_a_transcript() -> None:
    eva, plain = transcript_segments("Eva B.: The key: where is it?\n\nNobody has it, at 10:30.")
    assert (eva.speaker, eva.text) == ("Eva B.", "The key: where is it?")
    assert (plain.speaker, plain.text) == (None, "Nobody has it, at 10:30.")
    assert eva.end_sample == plain.first_sample


def test_a_worker_writes_the_words_that_were_measured(
    database: Database, places: RegistryFolders, redis_client: Redis, tmp_path: Path
) -> None:
    """With an adapter that changes words, on a file that a worker cuts into several windows."""
    folder = write_adalora(tmp_path / "ada", 0.02, base_model=BASE)
    adapter = published(database, places, folder)
    (tmp_path / "test.jsonl").write_text(json.dumps({"audio": str(DEMO / "meeting.flac"), "end_s": 40.0, "text": "x"}))
    (example,) = load(tmp_path / "test.jsonl", "test")
    engine = models.whisper()
    engine.load_adapter("measured", folder)
    try:
        (plain,), (measured,) = (
            [heard.text for heard in transcripts(engine, [example], name)] for name in (None, "measured")
        )
        rig = WorkerRig(database, redis_client, engine, places.store)
        with database.write() as session:
            session.add(Meeting(id="f", owner="local", asr_adapter=adapter.label))
            session.flush()
            session.add(Track(id="f-main", meeting_id="f", name="main", kind=TrackKind.BATCH))
        rig.mailbox.open(
            "f-main", committed_sample=0, epoch=0, backlog_limit_samples=BACKLOG_LIMIT_SAMPLES, kind=TrackKind.BATCH
        )
        rig.append("f-main", read_audio(example))
        rig.finish("f")
        rig.run_until_idle()
    finally:
        for name in engine.adapters:
            remove(engine.whisper.net, name)
        engine.whisper.adapters.clear()
    assert rig.text("f") == measured
    assert measured != plain
