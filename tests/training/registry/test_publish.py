"""Publishing stores an adapter completely, or refuses it and leaves nothing behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from schema.adapters.registry import listed
from schema.adapters.tables import Adapter
from schema.core.database import Database
from schema.core.errors import AdapterMismatch, BrokenModel, Conflict, InvalidInput, StorageFull, Unavailable
from schema.core.states import AdapterState, AdapterTask
from tests import models
from tests.adapters import BASE, MILD, STEMS, WILD, write_adalora, write_adapter, write_lora
from training.registry.publish import Published, RegistryFolders, publish
from workers.models.adapters import stored
from workers.models.cache import weights_checksum
from workers.models.lora import read_metadata

pytestmark = pytest.mark.model
WEIGHTS = "adapter_model.safetensors"


def rows(database: Database) -> list[Adapter]:
    with database.read() as session:
        return listed(session)


def publish_as_clinic(database: Database, places: RegistryFolders, folder: Path, name: str = "clinic") -> Published:
    return publish(database, places, folder, name)


def assert_nothing_written(database: Database, places: RegistryFolders) -> None:
    assert rows(database) == []
    assert not places.store.exists() or list(places.store.iterdir()) == []


def test_a_published_adapter_is_a_draft_with_its_metadata_and_metrics(
    database: Database, places: RegistryFolders, mild: Path
) -> None:
    run = {"served": {"wer": 0.1}, "training": {"data_fingerprint": "f" * 64}, "ranks": {"layer": 4}}
    (mild / "metrics.json").write_text(json.dumps(run))
    adapter = publish_as_clinic(database, places, mild).adapter
    assert (adapter.label, adapter.task, adapter.state) == ("clinic@1", AdapterTask.ASR, AdapterState.DRAFT)
    assert (adapter.base_model, adapter.method, adapter.rank, adapter.precision) == (BASE, "lora", 4, "float32")
    assert adapter.base_checksum == weights_checksum(models.FOLDER / "whisper-tiny.en")
    assert adapter.data_fingerprint == "f" * 64
    assert adapter.metrics["served"] == {"wer": 0.1}
    folder = stored(places.store, adapter.checksum)
    assert read_metadata(folder).base_checksum == adapter.base_checksum
    assert adapter.size_bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert {path.name for path in places.store.iterdir()} == {adapter.checksum}


SHIPPED = sorted((Path(__file__).parents[3] / "workers/asr/shipped").iterdir())


@pytest.mark.parametrize("folder", SHIPPED, ids=[folder.name for folder in SHIPPED])
def test_a_bundled_adapter_can_be_published_as_it_is(database: Database, places: RegistryFolders, folder: Path) -> None:
    adapter = publish_as_clinic(database, places, folder, "short").adapter
    stored_facts = (adapter.label, adapter.base_model, adapter.audio_context)
    assert stored_facts == ("short@1", read_metadata(folder).base_model, True)


def test_the_folder_of_a_run_is_published_with_its_metrics(
    database: Database, places: RegistryFolders, mild: Path
) -> None:
    run = mild.parent / "run"
    shutil.copytree(mild, run / "adapter")
    (run / "metrics.json").write_text(json.dumps({"served": {"wer": 0.2}}))
    assert publish_as_clinic(database, places, run).adapter.metrics == {"served": {"wer": 0.2}}


def test_publishing_again_finds_the_version_and_other_files_make_the_next_version(
    database: Database, places: RegistryFolders, mild: Path, tmp_path: Path
) -> None:
    assert publish_as_clinic(database, places, mild).is_new
    again = publish_as_clinic(database, places, mild)
    assert (again.adapter.label, again.is_new) == ("clinic@1", False)
    other = write_lora(tmp_path / "other", WILD, base_model=BASE)
    assert publish_as_clinic(database, places, other).adapter.label == "clinic@2"
    assert publish_as_clinic(database, places, other, "legal").adapter.label == "legal@1"
    with pytest.raises(Conflict, match="clinic@1 is another adapter"):
        publish(database, places, other, "clinic", version=1)
    assert publish(database, places, other, "clinic", version=7).adapter.label == "clinic@7"
    assert len(list(places.store.iterdir())) == 2


def test_the_remaining_ranks_of_adalora_are_stored(database: Database, places: RegistryFolders, tmp_path: Path) -> None:
    adapter = publish_as_clinic(database, places, write_adalora(tmp_path / "ada", MILD, base_model=BASE)).adapter
    assert (adapter.method, adapter.rank) == ("adalora", 4)
    ranks = adapter.facts["ranks"]
    assert [ranks[f"{stem.removeprefix('base_model.model.')}.fc1"] for stem in STEMS] == [1, 2, 3, 4, 1, 2, 3, 4]


def test_an_adapter_for_a_text_model_is_published_for_summaries(
    database: Database, places: RegistryFolders, small_decoder: Path, text_adapter: Path
) -> None:
    adapter = publish(database, places, text_adapter, "short", base=str(small_decoder)).adapter
    assert (adapter.task, adapter.rank) == (AdapterTask.SUMMARY, 4)


def test_an_adapter_of_another_width_is_refused(database: Database, places: RegistryFolders, tmp_path: Path) -> None:
    with pytest.raises(AdapterMismatch, match=r"does not fit .*size mismatch"):
        publish_as_clinic(database, places, write_lora(tmp_path / "wide", MILD, width=512, base_model=BASE))
    assert_nothing_written(database, places)


def test_an_adapter_that_lacks_layers_is_refused(database: Database, places: RegistryFolders, mild: Path) -> None:
    weights = load_file(mild / WEIGHTS)
    save_file({name: tensor for name, tensor in weights.items() if "decoder.layers.3" not in name}, mild / WEIGHTS)
    with pytest.raises(AdapterMismatch, match=r"model\.decoder\.layers\.3\.fc1 and 0 other layers"):
        publish_as_clinic(database, places, mild)
    assert_nothing_written(database, places)


def test_an_adapter_for_other_base_weights_is_refused(
    database: Database, places: RegistryFolders, tmp_path: Path
) -> None:
    folder = write_lora(tmp_path / "other", MILD, base_model=BASE, base_checksum="0" * 64)
    with pytest.raises(AdapterMismatch, match="with other weights"):
        publish_as_clinic(database, places, folder)
    assert_nothing_written(database, places)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(
    database: Database, places: RegistryFolders, mild: Path, number: float
) -> None:
    weights = load_file(mild / WEIGHTS)
    weights[f"{STEMS[2]}.fc1.lora_B.weight"][5, 1] = number
    save_file(weights, mild / WEIGHTS)
    with pytest.raises(BrokenModel, match=r"encoder\.layers\.2.*not finite"):
        publish_as_clinic(database, places, mild)
    assert_nothing_written(database, places)


def test_a_truncated_file_is_refused(database: Database, places: RegistryFolders, mild: Path) -> None:
    os.truncate(mild / WEIGHTS, 5000)
    with pytest.raises(BrokenModel, match="cannot be read"):
        publish_as_clinic(database, places, mild)
    assert_nothing_written(database, places)


def test_an_incomplete_adapter_is_refused_with_what_is_missing(
    database: Database, places: RegistryFolders, mild: Path
) -> None:
    with pytest.raises(InvalidInput, match=r"contains no adapter_config\.json"):
        publish_as_clinic(database, places, mild.parent / "nowhere")
    (mild / "minutebook.json").unlink()
    with pytest.raises(InvalidInput, match="name it with --base"):
        publish_as_clinic(database, places, mild)
    (mild / WEIGHTS).unlink()
    with pytest.raises(BrokenModel, match=f"{WEIGHTS} is missing"):
        publish_as_clinic(database, places, mild)
    (mild / "adapter_config.json").write_text("{")
    (mild / WEIGHTS).touch()
    with pytest.raises(BrokenModel, match="not JSON"):
        publish_as_clinic(database, places, mild)
    assert_nothing_written(database, places)


def test_a_whole_model_is_refused_with_the_setting_that_serves_it(
    database: Database, places: RegistryFolders, tmp_path: Path
) -> None:
    (tmp_path / "run/model").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="MINUTEBOOK_ASR_MODEL"):
        publish_as_clinic(database, places, tmp_path / "run")


def test_an_adapter_of_a_kind_that_workers_do_not_serve_is_refused(
    database: Database, places: RegistryFolders, tmp_path: Path
) -> None:
    kind = {"peft_type": "LORA", "r": 4, "use_dora": True}
    folder = write_adapter(tmp_path / "dora", kind, {"x.lora_A.weight": torch.zeros(4, 4)}, base_model=BASE)
    with pytest.raises(AdapterMismatch, match="use_dora"):
        publish_as_clinic(database, places, folder)


@pytest.mark.parametrize("name", ["../clinic", "clinic/..", "base", "clinic@2", "", ".hidden"])
def test_invalid_names_are_refused_before_anything_is_read(
    database: Database, places: RegistryFolders, name: str
) -> None:
    with pytest.raises(InvalidInput):
        publish(database, places, Path("/nowhere"), name)
    assert_nothing_written(database, places)


def test_a_disk_that_fills_up_during_publishing_leaves_nothing(
    database: Database, places: RegistryFolders, mild: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_source: Path, target: Path) -> None:
        Path(target).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", full)
        with pytest.raises(StorageFull, match="free some space and publish again"):
            publish_as_clinic(database, places, mild)
    assert_nothing_written(database, places)
    assert publish_as_clinic(database, places, mild).is_new


def test_a_store_that_is_not_a_folder_is_refused_by_its_setting(
    database: Database, places: RegistryFolders, mild: Path
) -> None:
    places.store.write_text("in the way")
    with pytest.raises(Unavailable, match="MINUTEBOOK_ADAPTER_DIR"):
        publish_as_clinic(database, places, mild)
    assert rows(database) == []


def test_a_damaged_copy_is_found_at_loading_and_repaired_by_publishing_again(
    database: Database, places: RegistryFolders, mild: Path
) -> None:
    checksum = publish_as_clinic(database, places, mild).adapter.checksum
    weights = places.store / checksum / WEIGHTS
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 0xFF]))
    with pytest.raises(BrokenModel, match="differs from its checksum"):
        stored(places.store, checksum)
    assert not publish_as_clinic(database, places, mild).is_new
    stored(places.store, checksum)
    (places.store / checksum / "SHA256SUMS").write_text("")
    with pytest.raises(BrokenModel, match="is not what was published"):
        stored(places.store, checksum)


def test_old_drafts_of_killed_publishers_are_deleted(database: Database, places: RegistryFolders, mild: Path) -> None:
    old, young = places.store / ".draft-old", places.store / ".draft-young"
    for draft in (old, young):
        draft.mkdir(parents=True)
    long_ago = time.time() - 100_000
    os.utime(old, (long_ago, long_ago))
    publish_as_clinic(database, places, mild)
    assert not old.exists()
    assert young.exists()
