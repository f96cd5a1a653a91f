"""A data set that was read and checked: a sequence of examples that stays on disk, and its order in training."""

from __future__ import annotations

import json
import os
import random
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, overload


@dataclass(frozen=True, slots=True)
class Example:
    """An example: audio, its text, its summary, or those of the three that the task needs.

    `where` names the file and line of the example, for messages. The audio is the part of the file `audio` from
    `start_s` to `end_s`; None means the end of the file. `group` is the meeting or speaker. Examples of one group
    depend on each other, so a split must not divide them and a bootstrap draws them together. `evidence` lists the
    lines of `text`, from 0, that support the summary, if people have linked them.
    """

    id: str
    where: str
    audio: Path | None = None
    start_s: float = 0.0
    end_s: float | None = None
    text: str | None = None
    summary: str | None = None
    language: str = "en"
    group: str = ""
    evidence: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """An example with the results of its check. `length` is the duration of its audio in seconds, or its number of
    words.

    `audio_sha256` is the checksum of the whole audio file. `text_sha256` is that of the text, ignoring case and spaces.
    """

    example: Example
    length: float
    audio_sha256: str | None = None
    text_sha256: str | None = None

    def dump(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False, default=str).encode()

    @classmethod
    def load(cls, line: bytes) -> Record:
        values: dict[str, Any] = json.loads(line)
        example = values.pop("example")
        example["audio"] = None if example["audio"] is None else Path(example["audio"])
        example["evidence"] = None if example["evidence"] is None else tuple(example["evidence"])
        return cls(example=Example(**example), **values)


class Dataset(Sequence[Example]):
    """Examples in the order of their source. Twelve bytes of each are in memory, the rest is in a temporary file.

    Threads and forked processes may read it at the same time. `lengths` are those of the records. `fingerprint`
    (SHA-256, hex) depends on the content and order of texts and audio files, not on their location. `remarks` describe
    what the checks noticed and how it is handled.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.fingerprint = ""
        self.remarks: tuple[str, ...] = ()
        self.lengths = array("f")
        self._ends = array("Q")
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the data set
        weakref.finalize(self, self._spool.close)
        end = 0
        for record in records:
            line = record.dump()
            self._spool.write(line)
            end += len(line)
            self._ends.append(end)
            self.lengths.append(record.length)
        self._spool.flush()

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...

    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        return self.record(index).example

    def record(self, index: int) -> Record:
        """Raises IndexError."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} of {len(self)} examples")
        index %= len(self)
        first = self._ends[index - 1] if index else 0
        # `pread` does not move the file's own position, which threads and forked processes share.
        return Record.load(os.pread(self._spool.fileno(), self._ends[index] - first, first))

    def records(self) -> Iterator[Record]:
        return (self.record(index) for index in range(len(self)))


BUCKET_BATCHES = 50
"""Batches whose examples are sorted by length together: enough to find neighbours of similar length, few enough to keep
the order random.
"""


def batches(lengths: Sequence[float], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Positions in *lengths* as batches for one epoch. Each position is in exactly one batch; the last may be smaller.

    The order is random but the same on every machine, and similar lengths share a batch. The batch with the longest
    example comes first, so a lack of memory shows at once. A run resumes at an exact example from its epoch and its
    number of finished batches: `batches(...)[done:]` is the rest.
    """
    # Python guarantees the same numbers of `random()` for a seed in every version. It does not for `shuffle`.
    rng = random.Random(f"{seed}/{epoch}")  # noqa: S311 - an order, no secret
    order = _shuffled(range(len(lengths)), rng)
    size = batch_size * BUCKET_BATCHES
    cut: list[list[int]] = []
    for first in range(0, len(order), size):
        bucket = sorted(order[first : first + size], key=lambda index: -lengths[index])
        cut += [bucket[at : at + batch_size] for at in range(0, len(bucket), batch_size)]
    longest = max(cut, key=lambda batch: lengths[batch[0]], default=None)
    return [cut[at] for at in _first(cut, longest, _shuffled(range(len(cut)), rng))]


def _first(cut: list[list[int]], batch: list[int] | None, order: list[int]) -> list[int]:
    """*order* with the position of *batch* in *cut* moved to the front."""
    return sorted(order, key=lambda at: cut[at] is not batch)


def _shuffled(indices: Sequence[int], rng: random.Random) -> list[int]:
    return [index for _, index in sorted((rng.random(), index) for index in indices)]
