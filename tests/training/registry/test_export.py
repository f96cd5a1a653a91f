"""Export: the merged model writes what the model with its adapter writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from schema.core.errors import AdapterMismatch, Conflict, InvalidInput
from tests import models
from tests.adapters import BASE, MILD, write_adalora, write_lora
from tests.models import write_decoder, write_text_adapter
from training.registry.export import export
from training.registry.formats import ExportWeights, MergedModelFormat
from workers.asr.model import load
from workers.asr.weights.bundled_weights import BUNDLED
from workers.asr.weights.ctranslate import hugging_face_tensors, read_tensors
from workers.models.cache import verify_sums
from workers.summarize.writing.model import load_model

pytestmark = pytest.mark.model


@pytest.mark.parametrize("kind", ["lora", "adalora"])
def test_a_merged_text_model_writes_the_same_without_its_adapter(tmp_path: Path, kind: str) -> None:
    base = write_decoder(tmp_path / "base")
    adapter = write_text_adapter(base, tmp_path / "adapter", kind=kind)
    model = load_model(str(base), tmp_path, precision="float32")
    model.load_adapter("a", adapter)
    model.use_adapter("a")
    to = export(
        adapter, tmp_path / "to", tmp_path, MergedModelFormat.TRANSFORMERS, ExportWeights.FLOAT32, base=str(base)
    )
    merged = load_model(str(to), tmp_path, precision="float32")
    prompts = ["the boiler", "nobody has a key"]
    assert merged.generate(prompts, 8, stop=()) == model.generate(prompts, 8, stop=())
    verify_sums(to, "")


def test_a_merged_whisper_loads_in_a_worker_and_computes_like_the_adapted_one(tmp_path: Path) -> None:
    folder = write_adalora(tmp_path / "ada", MILD, base_model=BASE)
    to = export(folder, tmp_path / "to", models.FOLDER, MergedModelFormat.TRANSFORMERS, ExportWeights.FLOAT16)
    merged, adapted = load(str(to), models.FOLDER, "float32"), load(BASE, models.FOLDER, "float32")
    adapted.load_adapter("ada", folder)
    x = torch.randn(1, 3, 384, generator=torch.Generator().manual_seed(1))
    for layer in (0, 3):
        one, other = (whisper.net.model.decoder.layers[layer].fc1 for whisper in (merged, adapted))
        torch.testing.assert_close(one(x), other(x, adapter_names=["ada"]), atol=0.05, rtol=0.01)
    assert not any("lora" in name for name, _ in merged.net.named_modules())


def test_an_export_for_ctranslate2_loads_and_changes_only_the_adapted_layers(tmp_path: Path) -> None:
    ctranslate2 = pytest.importorskip("ctranslate2", reason="pip install 'minutebook[ctranslate2]' to run it")
    folder = write_lora(tmp_path / "lora", MILD, base_model=BASE)
    to = export(folder, tmp_path / "to", models.FOLDER, MergedModelFormat.CTRANSLATE2, ExportWeights.FLOAT16)
    assert ctranslate2.models.Whisper(str(to), device="cpu", compute_type="float32").is_multilingual is False
    written = hugging_face_tensors(read_tensors((to / "model.bin").read_bytes()))
    before = hugging_face_tensors(read_tensors(BUNDLED["tiny.en"].weights()))
    assert written.keys() == before.keys()
    changed = {name for name in before if abs(written[name].astype("f4") - before[name].astype("f4")).max() > 1e-4}
    assert changed == {f"model.{side}.layers.{n}.fc1.weight" for side in ("encoder", "decoder") for n in range(4)}


def test_an_impossible_export_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = write_lora(tmp_path / "lora", MILD, base_model=BASE)
    with pytest.raises(InvalidInput, match="not in its files; use float16"):
        export(folder, tmp_path / "to", models.FOLDER, MergedModelFormat.TRANSFORMERS, ExportWeights.INT8)
    with pytest.raises(Conflict, match="exists already"):
        export(folder, tmp_path, models.FOLDER, MergedModelFormat.TRANSFORMERS, ExportWeights.FLOAT16)
    wide = write_lora(tmp_path / "wide", MILD, width=512, base_model=BASE)
    with pytest.raises(AdapterMismatch):
        export(wide, tmp_path / "to", models.FOLDER, MergedModelFormat.TRANSFORMERS, ExportWeights.FLOAT16)
    assert not (tmp_path / "to").exists()
