"""The training data of an adapter as checksums next to its weights, so that it is never measured on that data."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from schema.core.errors import DataOverlap
from training.data.dataset import Dataset, Example, Record

SHOWN_LIMIT = 5


def refuse_overlap(train: Dataset, test: Dataset, *, shared_groups: bool = False) -> None:
    """Raise DataOverlap if *train* and *test* share audio or texts, by the checksum of their content.

    Examples without audio overlap if their texts are equal apart from case and spaces. A meeting or speaker in both is
    refused as well, unless *shared_groups* allows it.
    """
    content = _TestContent(test)
    found: list[str] = []
    count = 0
    for record in train.records():
        if reason := content.overlaps(record, shared_groups):
            count += 1
            if len(found) < SHOWN_LIMIT:
                found.append(reason)
    if count:
        more = f" and {count - len(found)} more" if count > len(found) else ""
        raise DataOverlap(
            f"{count} training examples overlap with the test set; remove them from one of the two: "
            f"{'; '.join(found)}{more}.",
            overlaps=count,
        )


class _TestContent:
    """The content of a test set by checksum."""

    def __init__(self, test: Dataset) -> None:
        self._spans: defaultdict[str, list[tuple[float, float, str]]] = defaultdict(list)
        self._texts: dict[str, str] = {}
        self._groups: dict[str, str] = {}
        for record in test.records():
            example = record.example
            if record.audio_sha256 is not None:
                self._spans[record.audio_sha256].append((*_span(record), example.where))
            elif record.text_sha256 is not None:
                self._texts[record.text_sha256] = example.where
            if example.group:
                self._groups[example.group] = example.where

    def overlaps(self, record: Record, shared_groups: bool) -> str | None:
        example = record.example
        for where in self._same_audio(record):
            return f"{example.where} shares audio with {where}"
        if record.audio_sha256 is None and record.text_sha256 in self._texts:
            return f"{example.where} has the same text as {self._texts[record.text_sha256]}"
        if not shared_groups and example.group in self._groups:
            return f"{example.where} belongs to {example.group!r}, as does {self._groups[example.group]}"
        return None

    def _same_audio(self, record: Record) -> Iterator[str]:
        if record.audio_sha256 is None:
            return
        first_s, end_s = _span(record)
        for other_first_s, other_end_s, where in self._spans.get(record.audio_sha256, ()):
            if first_s < other_end_s and other_first_s < end_s:
                yield where


def _span(record: Record) -> tuple[float, float]:
    return record.example.start_s, record.example.start_s + record.length


FINGERPRINTS_FILE = "learnt-from.jsonl.gz"


def write_fingerprints(folder: Path, data: Dataset) -> None:
    """Write a line for each example of *data*: SHA-256 of its audio file with its span in seconds, or SHA-256 of its
    text.

    Words, names and paths are left out, since an adapter may be passed on to others.
    """
    with (folder / FINGERPRINTS_FILE).open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as lines:
        for record in data.records():
            lines.write(json.dumps(_line(record)).encode() + b"\n")


def refuse_trained_on(folder: Path, test: Dataset) -> None:
    """Raise DataOverlap if *test* contains training data of the adapter in *folder*. Does nothing if the folder has no
    record of it.
    """
    if (folder / FINGERPRINTS_FILE).is_file():
        refuse_overlap(Dataset(_records(folder / FINGERPRINTS_FILE)), test, shared_groups=True)


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
