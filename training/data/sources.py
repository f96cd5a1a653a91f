"""Where data come from: a manifest, a folder, a known corpus, a hub."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from schema.core.errors import InvalidData
from training.data import corpora, meetings, notes
from training.data.checks import DEFAULTS, Limits, Part, checked
from training.data.dataset import Dataset
from training.data.examples import Example
from training.data.faults import Fault
from training.data.hub import from_hub
from training.data.manifests import read_folder, read_manifest
from training.data.spoken import spoken

MANIFEST_ENDINGS = (".jsonl", ".csv", ".tsv", ".jsonl.gz", ".csv.gz", ".tsv.gz")
LAYOUTS: dict[str, Callable[[Path, str, str], Iterator[Example | Fault]]] = {
    "librispeech": corpora.librispeech,
    "common_voice": corpora.common_voice,
    "gazeta": corpora.gazeta,
    "wikihow": corpora.wikihow,
    "how2": corpora.how2,
    "clips": corpora.clips,
    "meetings": meetings.meetings,
    "windows": meetings.windows,
    "qmsum": meetings.qmsum,
    "spoken": spoken,
    "notes": notes.notes,
}
"""`windows:FOLDER` are the windows of the meetings in FOLDER that notes are written of; `spoken:FOLDER` those with
audio."""


def load(
    source: str | Path,
    split: str = "train",
    *,
    language: str = "en",
    needs: Collection[Part] = (),
    limits: Limits = DEFAULTS,
    skip_faulty: bool = False,
) -> Dataset:
    """Read and check the *split* of *source*: a manifest file, a folder, `LAYOUT:FOLDER` or `hub:NAME`.

    Layouts are those of LAYOUTS. A plain folder holds a manifest named after the split (`train.jsonl`, `train.csv`), a
    folder of that name, or the files themselves, then of whatever split. Every example has the parts that *needs*
    names. Raises InvalidData, which names file and line; with *skip_faulty* faulty examples are left out and counted.
    """
    stream = _stream(str(source), split, language)
    return checked(stream, needs=needs, limits=limits, skip_faulty=skip_faulty)


def _stream(source: str, split: str, language: str) -> Iterator[Example | Fault]:
    layout, colon, rest = source.partition(":")
    if colon and layout == "hub":
        return from_hub(rest, split, language)
    if colon and layout in LAYOUTS:
        return LAYOUTS[layout](Path(rest), split, language)
    path = Path(source)
    if path.is_file():
        return read_manifest(path, language)
    if not path.is_dir():
        raise InvalidData(
            f"There are no data at {path}. Give a manifest (.jsonl, .csv), a folder, or "
            f"LAYOUT:FOLDER with one of {', '.join(LAYOUTS)}."
        )
    for ending in MANIFEST_ENDINGS:
        if (path / f"{split}{ending}").is_file():
            return read_manifest(path / f"{split}{ending}", language)
    return read_folder(path / split if (path / split).is_dir() else path, language)
