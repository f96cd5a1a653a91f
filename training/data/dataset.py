"""A data set that was read and checked: a sequence of examples that stays on disk."""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, overload


@dataclass(frozen=True, slots=True)
class Example:
    """Audio, its text, its summary: those of the three that the task needs.

    `where` names the file and line that the example came from, for messages. Of the file `audio` it is the stretch
    from `start_s` to `end_s`, None being the end of the file. `group` is the meeting or the speaker: examples of one
    group depend on each other, so they belong to one side of a split and are drawn together in a bootstrap. `evidence`
    are the lines of `text`, from 0, that the summary rests on, where people have linked them.
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
    """An example with what the checks found out: `length` is seconds of its audio, or words where it has none.

    `audio_sha256` is the checksum of the whole audio file, `text_sha256` of the text, its case and spaces aside.
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

    May be read from several threads and from forked processes. `lengths` are those of the records. `fingerprint`
    (SHA-256, hex) depends on the content of texts and audio files and their order, not on where they lie. `remarks` say
    what was found and what is done about it.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.fingerprint = ""
        self.remarks: tuple[str, ...] = ()
        self.lengths = array("f")
        self._ends = array("Q")
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the data set
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
    def __getitem__(self, place: int) -> Example: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Example]: ...

    def __getitem__(self, place: int | slice) -> Example | Sequence[Example]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        return self.record(place).example

    def record(self, place: int) -> Record:
        """Raises IndexError."""
        if not -len(self) <= place < len(self):
            raise IndexError(f"place {place} of {len(self)} examples")
        place %= len(self)
        first = self._ends[place - 1] if place else 0
        # Reading at a position leaves the file's own position alone, which threads and forks share.
        return Record.load(os.pread(self._spool.fileno(), self._ends[place] - first, first))

    def records(self) -> Iterator[Record]:
        return (self.record(place) for place in range(len(self)))
