"""What the mailbox answers. Positions are samples since the start of the meeting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schema.core.states import TrackKind
from schema.core.units import SAMPLES_PER_MS

Fill = Literal["any", "idle", "one"]
"""Which batch tracks a claim takes before their deadline: any that fit beside live ones; any, but only when nothing is
due; or one of all workers of the shard at a time, when nothing is due and the rest after the last one is over."""


@dataclass(frozen=True, slots=True)
class Status:
    """One mailbox as it stands. `due_in_ms` is None when it does not wait, `lease_ms` when no worker holds it."""

    track_id: str
    committed_sample: int
    received_sample: int
    closed: bool
    kind: TrackKind
    epoch: int
    attempts: int
    backlog_limit_samples: int
    worker: str
    """Who claimed it last; empty when nobody did."""
    due_in_ms: int | None
    lease_ms: int | None

    @property
    def pending_samples(self) -> int:
        return self.received_sample - self.committed_sample

    @property
    def pending_ms(self) -> int:
        """How long the audio lasts that is received but not committed."""
        return self.pending_samples // SAMPLES_PER_MS


@dataclass(frozen=True, slots=True)
class Appended:
    """`received_sample` is where the producer goes on; `wake` asks the caller to wake a worker of the shard."""

    received_sample: int
    wake: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A track lent to one worker until its lease ends. `epoch` proves it at extend, commit and release."""

    track_id: str
    epoch: int
    committed_sample: int
    received_sample: int
    closed: bool
    kind: TrackKind
    state: bytes
    """What the last release stored; empty at first."""
    attempts: int
    """1 at first; more when claims before this one ended without a release, or released with `retry`."""
    waited_ms: int
    """How long the track had been due: the delay that load adds."""

    @property
    def pending_samples(self) -> int:
        return self.received_sample - self.committed_sample


@dataclass(frozen=True, slots=True)
class Claimed:
    """`next_due_in_ms` is None when no other track of the shard waits (claimed ones do not); 0 goes with `more`."""

    tracks: list[Claim]
    next_due_in_ms: int | None
    more: bool
    """Something else is due right now: wake another worker."""
    live_waiting: int = 0
    """Live tracks that wait, due or not yet."""


@dataclass(frozen=True, slots=True)
class AudioSpan:
    """PCM16 of [first_sample, end_sample), or None where the producer lost it."""

    first_sample: int
    end_sample: int
    pcm: bytes | None


@dataclass(frozen=True, slots=True)
class Depth:
    """A shard at a glance: tracks that wait (`ready`), of those the ones to be claimed now (`due`), held ones."""

    ready: int
    due: int
    leased: int
    pending_samples: int

    @property
    def pending_ms(self) -> int:
        """How long all audio of the shard lasts that is received but not committed."""
        return self.pending_samples // SAMPLES_PER_MS
