"""Results of mailbox calls. Positions are samples since the start of the meeting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schema.core.states import TrackKind
from schema.core.units import SAMPLES_PER_MS

Fill = Literal["any", "idle", "one"]
"""Which batch tracks a claim may take before their deadline. `any`: all that fit beside the live ones. `idle`: all, but
only if nothing is due. `one`: a single one in the whole shard, only if nothing is due and the pause after the last one
is over."""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one mailbox. `due_in_ms` is None if it does not wait, `lease_ms` is None if no worker holds it."""

    track_id: str
    committed_sample: int
    received_sample: int
    closed: bool
    kind: TrackKind
    epoch: int
    attempts: int
    backlog_limit_samples: int
    worker: str
    """The worker that claimed it last; empty if none has."""
    due_in_ms: int | None
    lease_ms: int | None

    @property
    def pending_samples(self) -> int:
        return self.received_sample - self.committed_sample

    @property
    def pending_ms(self) -> int:
        """The duration of the audio that is received but not committed."""
        return self.pending_samples // SAMPLES_PER_MS


@dataclass(frozen=True, slots=True)
class Appended:
    """The next audio must begin at `received_sample`. If `wake` is set, the caller must wake a worker of the shard."""

    received_sample: int
    wake: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A track held by one worker until its lease ends. The worker must give `epoch` to extend, commit and release."""

    track_id: str
    epoch: int
    committed_sample: int
    received_sample: int
    closed: bool
    kind: TrackKind
    state: bytes
    """The state that the last release stored; empty at first."""
    attempts: int
    """1 at first. It grows with each claim that ends without a release, or with a release that sets `retry`."""
    waited_ms: int
    """How long the track had been due when it was claimed, which is the delay caused by load."""
    flushed_sample: int = 0
    """Somebody waits for the text of all audio before this position; 0 if nobody does."""

    @property
    def pending_samples(self) -> int:
        return self.received_sample - self.committed_sample


@dataclass(frozen=True, slots=True)
class Claimed:
    """The result of a claim. `next_due_in_ms` tells when the next unclaimed track of the shard is due: 0 with `more`,
    None if none waits."""

    tracks: list[Claim]
    next_due_in_ms: int | None
    more: bool
    """Whether another track is due now, so that another worker must be woken."""
    live_waiting: int = 0
    """Number of live tracks that wait, due or not."""


@dataclass(frozen=True, slots=True)
class Heard:
    """How far the listener of a track is, and its last epoch, both from SQL."""

    sample: int
    epoch: int


@dataclass(frozen=True, slots=True)
class ListenerClaim:
    """A track lent to the listener, who tells its speakers apart. It has heard everything before `heard_sample`."""

    track_id: str
    epoch: int
    heard_sample: int
    received_sample: int
    closed: bool
    kind: TrackKind
    attempts: int
    """1 at first. It grows with each claim that ends without a release, or with a release that sets `retry`."""


@dataclass(frozen=True, slots=True)
class AudioSpan:
    """The PCM16 of [first_sample, end_sample); None if the producer lost it."""

    first_sample: int
    end_sample: int
    pcm: bytes | None


@dataclass(frozen=True, slots=True)
class Depth:
    """The load of a shard: `ready` tracks wait, `due` of these can be claimed now, workers hold `leased` tracks."""

    ready: int
    due: int
    leased: int
    pending_samples: int

    @property
    def pending_ms(self) -> int:
        """The duration of all audio of the shard that is received but not committed."""
        return self.pending_samples // SAMPLES_PER_MS
