"""What an adapter has learnt from, as checksums beside its weights: a gate measures on none of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from training.data.dataset import Dataset, Record
from training.data.examples import Example
from training.data.overlap import refuse_overlap

NAME = "learnt-from.jsonl.gz"


def write_learnt_from(folder: Path, data: Dataset) -> None:
    """A line for each example of *data*: SHA-256 of its audio file and its stretch in seconds, or SHA-256 of its text.

    No words, names or paths, since an adapter may be handed on.
    """
    with (folder / NAME).open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as lines:
        for record in data.records():
            lines.write(json.dumps(_line(record)).encode() + b"\n")


def refuse_learnt_from(folder: Path, test: Dataset) -> None:
    """Raise DataOverlap where *test* holds what the adapter in *folder* has learnt from, as far as it says so."""
    if (folder / NAME).is_file():
        refuse_overlap(Dataset(_records(folder / NAME)), test, shared_groups=True)


def _line(record: Record) -> dict[str, str | float | None]:
    if record.audio_sha256 is None:
        return {"text_sha256": record.text_sha256}
    return {"audio_sha256": record.audio_sha256, "start_s": record.example.start_s, "length_s": record.length}


def _records(path: Path) -> Iterator[Record]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            values = json.loads(line)
            name = f"example {number} of the adapter's training"
            example = Example(id=name, where=name, start_s=values.get("start_s", 0.0))
            yield Record(example, values.get("length_s", 0.0), values.get("audio_sha256"), values.get("text_sha256"))
