"""Data sets in the layouts of the Hugging Face Hub, as small local copies read by `datasets`."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from schema.core.errors import InvalidData
from training.data import load, read_audio

datasets = pytest.importorskip("datasets", reason="pip install 'minutebook[hub]' to run it")


def flac(seed: int) -> bytes:
    """A second of noise."""
    held = io.BytesIO()
    noise = np.random.default_rng(seed).integers(-3000, 3000, 16_000).astype(np.int16)
    soundfile.write(held, noise, 16_000, format="FLAC")
    return held.getvalue()


def write_parquet(path: Path, rows: Sequence[dict[str, Any]], /, **columns: str) -> None:
    """Write a table as the hub stores data sets: whole files in the column `audio`, features in the schema."""
    import pyarrow
    from pyarrow import parquet

    features = datasets.Features({name: datasets.Value(kind) for name, kind in columns.items()})
    if "audio" in rows[0]:
        features["audio"] = datasets.Audio(16_000)
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema=features.arrow_schema), path)


def test_librispeech_is_read_by_configuration_with_its_embedded_audio(tmp_path: Path) -> None:
    folder = tmp_path / "librispeech_asr"
    rows: list[dict[str, Any]] = [
        {"audio": {"bytes": flac(at), "path": "a.flac"}, "text": f"NUMBER {at}", "speaker_id": at, "id": f"9-8-{at}"}
        for at in range(2)
    ]
    for config in ("clean", "other"):
        path = folder / config / "train.100-00000-of-00001.parquet"
        write_parquet(path, rows[: 1 + (config == "clean")], text="string", speaker_id="int64", id="string")
    splits = [
        f"- config_name: {config}\n  data_files:\n  - split: train.100\n    path: {config}/train.100-*\n"
        for config in ("clean", "other")
    ]
    (folder / "README.md").write_text(f"---\nconfigs:\n{''.join(splits)}---\n")
    first, second = load(f"hub:{folder}/clean", "train.100", needs=("audio", "text"))
    assert (first.id, first.text, first.group, second.group) == ("9-8-0", "NUMBER 0", "0", "1")
    assert read_audio(second).tolist() == soundfile.read(io.BytesIO(flac(1)), dtype="int16")[0].tolist()
    assert len(load(f"hub:{folder}/other", "train.100")) == 1
    with pytest.raises(InvalidData, match=r"librispeech_asr cannot be had: .*clean.*other"):
        load(f"hub:{folder}", "train.100")


def test_common_voice_is_read_with_language_and_speaker(tmp_path: Path) -> None:
    row = {"audio": {"bytes": flac(1), "path": "a.mp3"}, "sentence": "Guten Tag.", "client_id": "x", "path": "a.mp3"}
    columns = {"sentence": "string", "client_id": "string", "path": "string", "locale": "string"}
    write_parquet(tmp_path / "cv/test-00000-of-00001.parquet", [{**row, "locale": "de"}], **columns)
    (example,) = load(f"hub:{tmp_path / 'cv'}", "test")
    assert (example.text, example.language, example.group) == ("Guten Tag.", "de", "x")


def test_gazeta_and_wikihow_are_read_as_texts_with_summaries(tmp_path: Path) -> None:
    (tmp_path / "gazeta").mkdir()
    for split in ("train", "val", "test"):
        row = {"text": f"Текст {split}.", "summary": "Итог.", "title": "", "date": "", "url": f"https://x/{split}"}
        (tmp_path / f"gazeta/gazeta_{split}.jsonl").write_text(json.dumps(row) + "\n")
    (example,) = load(f"hub:{tmp_path / 'gazeta'}", "validation", language="ru", needs=("text", "summary"))
    assert (example.text, example.summary, example.language) == ("Текст val.", "Итог.", "ru")
    article = {"text": "Boil the water.", "headline": "Boil it.", "title": "How to boil"}
    write_parquet(
        tmp_path / "wiki/train-00000-of-00001.parquet", [article], text="string", headline="string", title="string"
    )
    (example,) = load(f"hub:{tmp_path / 'wiki'}", "train")
    assert (example.text, example.summary) == ("Boil the water.", "Boil it.")


def test_missing_splits_and_damaged_files_are_refused_by_name(tmp_path: Path) -> None:
    write_parquet(tmp_path / "one/train-00000-of-00001.parquet", [{"text": "One."}], text="string")
    with pytest.raises(InvalidData, match=r"one cannot be had: .*no-such-split"):
        load(f"hub:{tmp_path / 'one'}", "no-such-split")
    (tmp_path / "one/train-00000-of-00001.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InvalidData, match="one cannot be "):
        load(f"hub:{tmp_path / 'one'}", "train")
