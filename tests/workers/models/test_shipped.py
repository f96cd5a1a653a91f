"""The bundled adapter for notes: used and named by default, and left out where it is damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import update

from schema.meetings.tables import Meeting, Note, Segment, Summary
from schema.minutes.ledger import ItemKind
from schema.minutes.note import NOTE
from tests import models
from tests.models import write_decoder
from tests.workers.summarize.conftest import texts
from tests.workers.worker_rig import WorkerRig
from workers.models.adapters import FOLDER, NOTES, ShippedAdapter, shipped_notes
from workers.models.cache import verify_sums
from workers.summarize.notes import note_of
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.model import TextModel, load_model
from workers.summarize.writing.trained import writer_of

GEMMA = "package:gemma-3-270m"
NAME = NOTES[GEMMA]
TURNS = (
    ("Vera", "Um, the boiler in the north wing, it lost pressure twice during the night, you know."),
    ("Otto", "The plumber wants nine hundred euros for a new boiler and he could build it in next week."),
    ("Vera", "Okay, then we buy the new boiler from the plumber."),
)


@pytest.fixture(scope="module")
def gemma() -> TextModel:
    """A separate copy of the model, since adapters are added to it."""
    return load_model(GEMMA, models.FOLDER, threads=1)


def end_meeting(rig: WorkerRig, meeting_id: str, **fields: str) -> None:
    """A meeting that has ended, with its segments in SQL."""
    rig.open_meeting(meeting_id)
    with rig.database.write() as session:
        changed = update(Meeting).where(Meeting.id == meeting_id)
        session.execute(changed.values(state="summarizing", seq=len(TURNS), **fields))
        for at, (speaker, text) in enumerate(TURNS):
            fields_of_turn = {"speaker": speaker, "text": text, "words": [], "model": "tiny.en", "closed": True}
            place = {"first_sample": at * 80_000, "end_sample": at * 80_000 + 72_000, "seq": at + 1}
            session.add(Segment(meeting_id=meeting_id, track_id=f"{meeting_id}-main", **fields_of_turn, **place))


def only_note(rig: WorkerRig, meeting_id: str) -> tuple[list[str], str | None]:
    """The sentences of the meeting's only note and its adapter, which the minutes must name as well."""
    with rig.database.read() as session:
        [note] = session.query(Note).where(Note.meeting_id == meeting_id)
        [minutes] = session.query(Summary).where(Summary.meeting_id == meeting_id)
        assert note.adapter == minutes.adapter
        return texts(NOTE.validate_python(note.body), ItemKind.POINT), note.adapter


@pytest.mark.model
def test_the_bundled_adapter_writes_and_is_named_unless_the_meeting_names_another(
    rig: WorkerRig, gemma: TextModel
) -> None:
    end_meeting(rig, "plain")
    end_meeting(rig, "bare", summary_adapter="base")
    summarizer = rig.summarizer(gemma, shipped=shipped_notes(GEMMA))
    summarizer.run("plain")
    summarizer.run("bare")
    sentences, adapter = only_note(rig, "plain")
    assert adapter == NAME
    assert only_note(rig, "bare")[1] is None
    assert sentences != only_note(rig, "bare")[0]
    window = [
        SpokenSegment(at, speaker, at * 80_000, at * 80_000 + 72_000, text) for at, (speaker, text) in enumerate(TURNS)
    ]
    gemma.use_adapter(NAME)
    assert sentences == texts(note_of(window, writer_of(gemma, "en", models.FOLDER), language="en"), ItemKind.POINT)


@pytest.mark.model
def test_a_damaged_adapter_is_refused_and_minutes_are_written_without_it(
    rig: WorkerRig, gemma: TextModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(FOLDER / NAME, tmp_path / "copy")
    weights = tmp_path / "copy/adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"oops")
    end_meeting(rig, "m")
    summarizer = rig.summarizer(gemma, shipped=ShippedAdapter("damaged", tmp_path / "copy"))
    summarizer.run("m")
    assert only_note(rig, "m")[1] is None
    [warning] = [record.message for record in caplog.records if "is left out" in record.message]
    assert "differs from its checksum" in warning
    assert "MINUTEBOOK_SUMMARY_SHIPPED=false" in warning


def test_the_adapter_is_refused_by_a_model_that_it_was_not_trained_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = load_model(str(write_decoder(tmp_path / "decoder")), tmp_path, precision="float32")
    shipped = ShippedAdapter(NAME, FOLDER / NAME)
    assert not shipped.lend(other.load_adapter)
    assert not shipped.lend(other.load_adapter)
    [warning] = [record.message for record in caplog.records]
    assert "was trained for 'package:gemma-3-270m'" in warning
    assert other.adapters == ()


def test_other_models_and_the_setting_do_without_the_adapter() -> None:
    assert shipped_notes("google-t5/t5-small") is None
    assert shipped_notes(GEMMA, wanted=False) is None


@pytest.mark.parametrize("name", sorted(NOTES.values()))
def test_a_bundled_adapter_is_small_intact_and_documented(name: str) -> None:
    folder = FOLDER / name
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20_000_000
    assert (folder / "SHA256SUMS").is_file()
    verify_sums(folder, "")
    metadata = json.loads((folder / "minutebook.json").read_text())
    assert {"base_model", "base_checksum", "instruction", "suffix"} <= set(metadata)
    card = (folder / "README.md").read_text()
    for part in ("Data", "Training", "Figures", "Limits", "Licence"):
        assert f"## {part}" in card
    notice = "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"
    assert notice in (folder / "NOTICE").read_text()
    assert "Section 3: DISTRIBUTION AND RESTRICTIONS" in (folder / "GEMMA_TERMS.md").read_text()
