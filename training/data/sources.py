"""Data sources: a manifest, a folder, a known corpus, a hub."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path

from schema.core.errors import InvalidData
from training.data import corpora, meetings, notes
from training.data.checks import DEFAULTS, ExampleLimits, ExamplePart, Fault, check_examples
from training.data.dataset import Dataset, Example
from training.data.hub import from_hub
from training.data.manifests import read_folder, read_manifest
from training.data.spoken import spoken_windows
from training.runs.config import DataSource

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
    "spoken": spoken_windows,
    "notes": notes.notes,
}
"""`windows:FOLDER` gives the windows of the meetings in FOLDER that notes are written about, `spoken:FOLDER` those with
audio.
"""


def load(
    source: str | Path,
    split: str = "train",
    *,
    language: str = "en",
    needs: Collection[ExamplePart] = (),
    limits: ExampleLimits = DEFAULTS,
    skip_faulty: bool = False,
) -> Dataset:
    """Read and check the *split* of *source*: a manifest file, a folder, `LAYOUT:FOLDER` or `hub:NAME`.

    LAYOUTS lists the layouts. A plain folder holds a manifest named after the split (`train.jsonl`, `train.csv`), a
    folder of that name, or the files themselves, which then belong to every split. Every example has the parts that
    *needs* names. Raises InvalidData with file and line. With *skip_faulty*, faulty examples are left out and counted.
    """
    stream = _stream(str(source), split, language)
    return check_examples(stream, needs=needs, limits=limits, skip_faulty=skip_faulty)


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
            f"There is no data at {path}. Give a manifest (.jsonl, .csv), a folder, or "
            f"LAYOUT:FOLDER with one of {', '.join(LAYOUTS)}."
        )
    for ending in MANIFEST_ENDINGS:
        if (path / f"{split}{ending}").is_file():
            return read_manifest(path / f"{split}{ending}", language)
    return read_folder(path / split if (path / split).is_dir() else path, language)


def load_source(source: DataSource, needs: Collection[ExamplePart], limits: ExampleLimits = DEFAULTS) -> Dataset:
    """All examples of *source*; its `limit` is not applied. Raises InvalidData."""
    return load(
        source.source,
        source.split,
        language=source.language,
        needs=needs,
        limits=limits,
        skip_faulty=source.skip_faulty,
    )


def first_examples(data: Dataset, limit: int) -> Dataset:
    """The first *limit* examples of *data*; 0 means all."""
    if not 0 < limit < len(data):
        return data
    kept = Dataset(islice(data.records(), limit))
    kept.fingerprint = f"{data.fingerprint}:{limit}"
    return kept


def sample_groups(data: Dataset, count: int, seed: int) -> Dataset:
    """At most *count* examples of each meeting or speaker, drawn by *seed*, in their original order; 0 means all."""
    if count <= 0:
        return data
    indices: defaultdict[str, list[int]] = defaultdict(list)
    for index, example in enumerate(data):
        indices[example.group or example.id].append(index)
    rng = random.Random(seed)  # noqa: S311
    drawn = sorted(index for group in indices.values() for index in rng.sample(group, min(count, len(group))))
    kept = Dataset(data.record(index) for index in drawn)
    kept.fingerprint = f"{data.fingerprint}:{count} of each:{seed}"
    return kept
