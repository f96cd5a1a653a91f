"""The checksum of a model, which does not depend on how its tensors are split into files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from schema.core.errors import BrokenModel
from workers.models.cache import weights_checksum

TENSORS = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.ones(4, dtype=torch.bfloat16)}


def in_files(folder: Path, **files: dict[str, torch.Tensor]) -> str:
    folder.mkdir()
    for name, tensors in files.items():
        save_file(tensors, folder / f"{name}.safetensors", metadata={"written": folder.name})
    return weights_checksum(folder)


def test_the_checksum_depends_on_the_tensors_and_not_on_their_files(tmp_path: Path) -> None:
    whole = in_files(tmp_path / "whole", model=TENSORS)
    assert in_files(tmp_path / "parts", one={"a": TENSORS["a"]}, two={"b": TENSORS["b"]}) == whole


@pytest.mark.parametrize(
    "change", [{"b": torch.zeros(2, 3)}, {"b": TENSORS["b"].reshape(3, 2)}, {"a": torch.ones(4)}, {"c": torch.ones(1)}]
)
def test_another_number_shape_type_or_name_changes_the_checksum(
    change: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    assert in_files(tmp_path / "other", model={**TENSORS, **change}) != in_files(tmp_path / "whole", model=TENSORS)


@pytest.mark.parametrize("content", [b"", b"short", (10**6).to_bytes(8, "little") + b"{}"])
def test_truncated_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(BrokenModel, match=r"cannot be read|holds no"):
        weights_checksum(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match="holds no"):
        weights_checksum(tmp_path)
