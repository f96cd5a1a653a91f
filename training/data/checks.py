"""Checks whether a data set can be trained on. Each example is checked once, while it streams by."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from schema.core.errors import InvalidData
from schema.core.units import SAMPLE_RATE_HZ
from schema.core.words import count_words
from training.data.audio import AudioFacts, audio_facts
from training.data.dataset import Dataset, Example, Record

SHOWN_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in one example. `reason` names value and remedy, `where` the place, such as "train.jsonl:12"."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


def faults_error(faults: Sequence[Fault], more: int = 0, remedy: str = "correct them") -> InvalidData:
    """The error that lists *faults*. *more* is the number of further faults that were found but not kept."""
    total = len(faults) + more
    lines = [str(fault) for fault in faults[:SHOWN_LIMIT]]
    if total > len(lines):
        lines.append(f"and {total - len(lines)} more")
    head = "1 example cannot be used" if total == 1 else f"{total} examples cannot be used"
    return InvalidData(f"{head}; {remedy}:\n" + "\n".join(lines), faults=total)


log = logging.getLogger(__name__)

ExamplePart = Literal["audio", "text", "summary"]


@dataclass(frozen=True, slots=True)
class ExampleLimits:
    """The largest example allowed. Each recipe sets what its model can read."""

    audio_s: float = 4 * 3600
    text_words: int = 100_000
    summary_words: int = 10_000


DEFAULTS = ExampleLimits()
LEAVE_OUT = "correct them, or skip them with skip_faulty (for a run: --set train.skip_faulty=true)"


def check_examples(
    stream: Iterable[Example | Fault],
    *,
    needs: Collection[ExamplePart] = (),
    limits: ExampleLimits = DEFAULTS,
    skip_faulty: bool = False,
) -> Dataset:
    """The data set made of *stream*, in which every example has the parts that the task *needs*.

    Raises InvalidData with file and line of the first faults. With *skip_faulty*, faulty examples are left out, counted
    and logged. About 100 bytes per example are held in memory meanwhile, for its id.
    """
    check = _ExampleChecker(needs, limits)
    data = Dataset(check.records(stream))
    if check.faults and not skip_faulty:
        raise faults_error(check.faults, check.found - len(check.faults), LEAVE_OUT)
    if not len(data):
        raise InvalidData("The data set is empty. " + " ".join(str(fault) for fault in check.faults[:1]))
    data.fingerprint = check.digest.hexdigest()
    data.remarks = tuple(check.remarks())
    for remark in data.remarks:
        log.warning("%s", remark)
    return data


class _ExampleChecker:
    """Checks a stream of examples and collects faults, remarks and the fingerprint."""

    def __init__(self, needs: Collection[ExamplePart], limits: ExampleLimits) -> None:
        self.needs = needs
        self.limits = limits
        self.digest = hashlib.sha256()
        self.faults: list[Fault] = []
        self.found = 0
        self._rates: Counter[int] = Counter()
        self._stereo = 0
        self._ids: dict[int, str] = {}

    def records(self, stream: Iterable[Example | Fault]) -> Iterator[Record]:
        for item in stream:
            try:
                if isinstance(item, Fault):
                    raise InvalidData(item.reason)
                record = self._record(item)
            except InvalidData as error:
                self.found += 1
                if len(self.faults) < SHOWN_LIMIT:
                    self.faults.append(Fault(item.where, error.detail))
                continue
            self.digest.update(_content(record).encode())
            yield record

    def _record(self, example: Example) -> Record:
        self._check_id(example)
        for part in self.needs:
            if getattr(example, part) is None:
                raise InvalidData(f"{example.id} has no {part}, which this task needs")
        if example.audio is None and example.text is None:
            raise InvalidData(f"{example.id} has neither audio nor text")
        words = _words(example.text, "text", self.limits.text_words)
        _words(example.summary, "summary", self.limits.summary_words)
        text_sha256 = None if example.text is None else _text_sha256(example.text)
        if example.audio is None:
            return Record(example, words, None, text_sha256)
        facts = audio_facts(example.audio)
        seconds = self._seconds(example, facts)
        self._rates[facts.rate_hz] += 1
        self._stereo += facts.channels > 1
        return Record(example, seconds, facts.sha256, text_sha256)

    def _check_id(self, example: Example) -> None:
        key = int.from_bytes(hashlib.blake2b(example.id.encode(), digest_size=8).digest())
        if key in self._ids:
            raise InvalidData(f"the id {example.id!r} is also used by {self._ids[key]}; ids must be unique")
        self._ids[key] = example.where

    def _seconds(self, example: Example, facts: AudioFacts) -> float:
        end_s = facts.duration_s if example.end_s is None else example.end_s
        if not 0 <= example.start_s < end_s or example.start_s >= facts.duration_s:
            raise InvalidData(f"{example.start_s} to {end_s} s does not lie within {facts.duration_s:.2f} s of audio")
        seconds = min(end_s, facts.duration_s) - example.start_s
        if seconds > self.limits.audio_s:
            raise InvalidData(f"{seconds:.1f} s of audio exceed the limit of {self.limits.audio_s} s; cut it")
        return seconds

    def remarks(self) -> Iterator[str]:
        if self.found:
            yield f"{self.found} faulty examples are left out, for example {self.faults[0]}"
        if len(self._rates) > 1 or self._rates.keys() - {SAMPLE_RATE_HZ}:
            counts = ", ".join(f"{count} at {rate} Hz" for rate, count in sorted(self._rates.items()))
            yield f"sample rates: {counts}; audio is resampled to {SAMPLE_RATE_HZ} Hz when it is read"
        if self._stereo:
            yield f"{self._stereo} examples have more than one channel; their channels are averaged"


def _words(text: str | None, part: str, limit: int) -> int:
    if text is None:
        return 0
    count = count_words(text)
    if not count:
        raise InvalidData(f"the {part} is empty; leave the example out, or add a {part}")
    if count > limit:
        raise InvalidData(f"the {part} has {count} words, more than the limit of {limit}; cut it")
    return count


def _text_sha256(text: str) -> str:
    return hashlib.sha256(" ".join(text.lower().split()).encode()).hexdigest()


def _content(record: Record) -> str:
    """What the fingerprint covers: the example's content, but not its location."""
    example = record.example
    parts = (example.id, record.audio_sha256, example.start_s, example.end_s, example.text, example.summary)
    return repr((*parts, example.language, example.group, example.evidence))
