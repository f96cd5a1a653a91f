"""A model of one track in plain Python for property tests: its producer, its mailbox and its rows in SQL."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from schema.mailbox import AudioSpan, Claim

LONGEST = 6000
"""Samples that a producer can send."""


@dataclass
class HeldClaim:
    """A claim that a worker holds, and what the worker has done with it so far."""

    claim: Claim
    lease_end_ms: int
    base_sample: int
    base_epoch: int
    """Position and epoch that SQL had committed when the worker took the claim."""
    spans: list[AudioSpan] | None = None
    new_sample: int = 0


@dataclass
class SqlModel:
    """The rows of one track, with the conditional commit."""

    committed_sample: int = 0
    epoch: int = 0
    coverage: list[AudioSpan] = field(default_factory=list)
    closed_sample: int | None = None

    def commit(self, base_sample: int, base_epoch: int, epoch: int, spans: list[AudioSpan], new_sample: int) -> bool:
        if (self.committed_sample, self.epoch) != (base_sample, base_epoch):
            return False
        self.coverage += [cut for cut in (cut_span(span, new_sample) for span in spans) if cut is not None]
        self.committed_sample, self.epoch = new_sample, epoch
        return True


@dataclass
class TrackModel:
    """A track. `sound` is what its producer recorded, `missing` the samples that its mailbox has as missing, and `lost`
    those that any of its mailboxes has had as missing."""

    track_id: str
    batch: bool
    sql: SqlModel = field(default_factory=SqlModel)
    received: int = 0
    committed: int = 0
    kept: int = 0
    closed: bool = False
    missing: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    due_ms: int | None = None
    not_before_ms: int = 0
    holder: HeldClaim | None = None
    """The claim with the newest epoch, until it is released."""
    last_epoch: int = 0
    """Last epoch of the present mailbox. `epochs` holds all epochs that workers ever got."""
    epochs: set[int] = field(default_factory=set)
    attempts: int = 0

    def __post_init__(self) -> None:
        self.sound = random.Random(self.track_id).randbytes(2 * LONGEST)

    def pcm(self, first: int, end: int) -> bytes:
        return self.sound[2 * first : 2 * end]

    def expected(self, first: int, end: int) -> list[AudioSpan]:
        """The spans that reading [first, end) must give, with neighbours of the same kind merged."""
        spans: list[AudioSpan] = []
        at = first
        while at < end:
            lost = at in self.missing
            stop = at
            while stop < end and (stop in self.missing) == lost:
                stop += 1
            spans.append(AudioSpan(at, stop, None if lost else self.pcm(at, stop)))
            at = stop
        return spans

    def accept(self, end: int, now_ms: int, *, lost: bool) -> None:
        """Note that audio up to *end* was accepted, or booked as *lost*."""
        if lost:
            self.missing |= set(range(self.received, end))
            self.lost |= self.missing
        self.received = end
        self.make_due(max(now_ms, self.not_before_ms))

    def committed_up_to(self, sample: int) -> None:
        """Note that the mailbox learnt the committed position of SQL, which may lie after all that was resent."""
        self.committed = max(self.committed, sample)
        self.received = max(self.received, self.committed)

    def make_due(self, at_ms: int) -> None:
        if self.due_ms is None and self.holder is None:
            self.due_ms = at_ms


def merged(spans: list[AudioSpan]) -> list[AudioSpan]:
    """Join neighbours that are both audio or both missing. The spans must tile."""
    joined: list[AudioSpan] = []
    for span in spans:
        last = joined[-1] if joined else None
        assert last is None or last.end_sample == span.first_sample
        if last is None or (last.pcm is None) != (span.pcm is None):
            joined.append(span)
        else:
            pcm = None if last.pcm is None or span.pcm is None else last.pcm + span.pcm
            joined[-1] = AudioSpan(last.first_sample, span.end_sample, pcm)
    return joined


def cut_span(span: AudioSpan, end: int) -> AudioSpan | None:
    """The part of *span* before *end*."""
    if span.first_sample >= end:
        return None
    stop = min(span.end_sample, end)
    return AudioSpan(span.first_sample, stop, None if span.pcm is None else span.pcm[: 2 * (stop - span.first_sample)])
