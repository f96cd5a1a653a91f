from __future__ import annotations

import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import pytest

from schema.core.errors import BrokenModel, UnknownModel
from workers.asr.model import load
from workers.asr.weights.ctranslate import read_tensors
from workers.asr.weights.source import resolve
from workers.models.cache import MANIFEST

pytestmark = pytest.mark.model


def _resolve(cache: Path) -> None:
    resolve("package:tiny.en", cache)


def test_a_bundled_model_becomes_a_folder_that_transformers_loads_completely(models: Path) -> None:
    from transformers import WhisperForConditionalGeneration

    folder = resolve("package:tiny.en", models)
    loaded: Any = WhisperForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    _, info = loaded
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert not info["mismatched_keys"]


def test_two_processes_that_start_together_convert_the_model_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_resolve, args=(tmp_path,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["whisper-tiny.en"]


def test_a_changed_byte_is_detected_and_its_file_named(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(resolve("package:tiny.en", models), folder)
    weights = folder / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(1_000_000)
        byte = file.read(1)[0]
        file.seek(1_000_000)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(BrokenModel, match=r"model\.safetensors differs from its checksum"):
        resolve(str(folder), tmp_path)


def test_only_for_a_cached_folder_the_remedy_is_to_delete_it(models: Path, tmp_path: Path) -> None:
    cache, own = tmp_path / "cache", tmp_path / "own"
    for folder in (cache / "whisper-tiny.en", own):
        shutil.copytree(resolve("package:tiny.en", models), folder)
        (folder / "config.json").unlink()
    with pytest.raises(BrokenModel, match=f"Delete {cache / 'whisper-tiny.en'}"):
        resolve("package:tiny.en", cache)
    with pytest.raises(BrokenModel, match="Put a good copy of the file there") as refused:
        resolve(str(own), cache)
    assert "Delete" not in refused.value.detail


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_missing_file_is_named(models: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(resolve("package:tiny.en", models), folder)
    (folder / name).unlink()
    with pytest.raises(BrokenModel, match=name.replace("model.", r"(\*|model)\.")):
        resolve(str(folder), tmp_path)


def test_truncated_weights_without_a_manifest_are_refused(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(resolve("package:tiny.en", models), folder)
    (folder / MANIFEST).unlink()
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(BrokenModel, match="Fetch it again"):
        load(str(folder), tmp_path, precision="float32")


def test_a_damaged_bundled_file_is_refused_with_the_remedy() -> None:
    with pytest.raises(BrokenModel, match="Reinstall"):
        read_tensors(b"\x06\x00\x00\x00\x0c\x00WhisperSpec\x00\x03\x00\x00\x00\x94\x00\x00\x00\x20\x00enc")


@pytest.mark.parametrize("reference", ["package:huge", "/nowhere/at/all", "whisper-small", "./gone"])
def test_an_unknown_reference_is_refused_with_the_known_ones(reference: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"tiny\.en"):
        resolve(reference, tmp_path)
