"""Where data come from: a manifest, or a folder."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from schema.errors import InvalidData
from training.data.checks import DEFAULTS, Limits, Part, checked
from training.data.dataset import Dataset
from training.data.faults import Fault
from training.data.manifests import read_folder, read_manifest
from training.examples import Example

MANIFEST_ENDINGS = (".jsonl", ".csv", ".tsv", ".jsonl.gz", ".csv.gz", ".tsv.gz")


def load(
    source: str | Path,
    split: str = "train",
    *,
    language: str = "en",
    needs: Collection[Part] = (),
    limits: Limits = DEFAULTS,
    skip_faulty: bool = False,
) -> Dataset:
    """Read and check the *split* of *source*: a manifest file, or a folder.

    A folder holds a manifest named after the split (`train.jsonl`, `train.csv`), a folder of that name, or the files
    themselves, then of whatever split. Every example has the parts that *needs* names. Raises InvalidData, which names
    file and line; with *skip_faulty* faulty examples are left out and counted.
    """
    stream = _stream(Path(source), split, language)
    return checked(stream, needs=needs, limits=limits, skip_faulty=skip_faulty)


def _stream(path: Path, split: str, language: str) -> Iterator[Example | Fault]:
    if path.is_file():
        return read_manifest(path, language)
    if not path.is_dir():
        raise InvalidData(f"There are no data at {path}. Give a manifest (.jsonl, .csv) or a folder.")
    for ending in MANIFEST_ENDINGS:
        if (path / f"{split}{ending}").is_file():
            return read_manifest(path / f"{split}{ending}", language)
    return read_folder(path / split if (path / split).is_dir() else path, language)
