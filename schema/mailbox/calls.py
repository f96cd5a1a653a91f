"""Mailbox operations as values: the script, its keys and arguments, and how its answer is parsed.

Both clients run these values, so the protocol is written only once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from schema.core.errors import AudioGap, AudioTrimmed, Backlogged, InvalidInput, MailboxMissing, TrackClosed
from schema.core.states import TrackKind
from schema.core.units import SAMPLES_PER_MS
from schema.mailbox.keys import Keys, shard_of
from schema.mailbox.limits import (
    EPOCH_STEP_LIMIT,
    EXPRESS_DELAY_MS,
    FEWEST_ENTRIES,
    SMALLEST_ENTRY_SAMPLES,
    check_piece,
    check_position,
    check_state,
    check_time,
)
from schema.mailbox.records import Appended, AudioSpan, Claim, Claimed, Depth, Fill, Heard, ListenerClaim, Status

T = TypeVar("T")
ScriptReply = list[Any]

SHORTEST_WAIT_MS, LONGEST_WAIT_MS = 200, 5000
"""Bounds of the time that a producer is told to wait, which is the duration of the audio that does not fit."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    script: str
    keys: list[str]
    args: list[str | int | bytes]
    parse: Callable[[Any], T]


@dataclass(frozen=True, slots=True)
class Calls:
    """The operations of a mailbox with *shards* shards."""

    shards: int
    batch_delay_ms: int

    def __post_init__(self) -> None:
        if self.shards < 1:
            raise InvalidInput(f"shards is {self.shards}; it must be at least 1")
        check_time("batch_delay_ms", self.batch_delay_ms, 1)

    def _of_track(
        self, script: str, track_id: str, args: list[str | int | bytes], parse: Callable[[Any], T]
    ) -> Call[T]:
        keys = Keys(shard_of(track_id, self.shards)).of_track(track_id)
        return Call(script, keys, [track_id, *args], parse)

    def open(
        self,
        track_id: str,
        committed_sample: int,
        epoch: int,
        kind: TrackKind,
        backlog_limit_samples: int,
        express: bool = False,
        heard: Heard | None = None,
    ) -> Call[Status]:
        check_position("committed_sample", committed_sample)
        if backlog_limit_samples < 1:
            raise InvalidInput(f"backlog_limit_samples is {backlog_limit_samples}; it must be at least 1")
        batch_delay_ms = EXPRESS_DELAY_MS if express else self.batch_delay_ms
        slack_ms = batch_delay_ms if kind == TrackKind.BATCH else 0
        args: list[str | int | bytes] = [
            committed_sample, epoch, _epoch_step(), kind, slack_ms, backlog_limit_samples,
            -1 if heard is None else heard.sample, 0 if heard is None else heard.epoch,
        ]  # fmt: skip
        return self._of_track("open", track_id, args, lambda answer: _status(track_id, answer))

    def append(self, track_id: str, first_sample: int, pcm: bytes) -> Call[Appended]:
        check_piece(first_sample, len(pcm))
        args: list[str | int | bytes] = [first_sample, pcm, SMALLEST_ENTRY_SAMPLES, FEWEST_ENTRIES]
        return self._of_track("append", track_id, args, lambda answer: _appended(track_id, answer, first_sample))

    def skip(self, track_id: str, to_sample: int) -> Call[Appended]:
        check_position("to_sample", to_sample)
        args: list[str | int | bytes] = [to_sample, SMALLEST_ENTRY_SAMPLES, FEWEST_ENTRIES]
        return self._of_track("skip", track_id, args, lambda answer: _appended(track_id, answer, to_sample))

    def close(self, track_id: str, final_sample: int | None) -> Call[Appended]:
        if final_sample is not None:
            check_position("final_sample", final_sample)
        final = -1 if final_sample is None else final_sample
        return self._of_track("close", track_id, [final], lambda answer: _appended(track_id, answer, final))

    def due(self, shard: int, n: int, fill: Fill) -> Call[tuple[Claimed, list[str]]]:
        if not 0 <= shard < self.shards:
            raise InvalidInput(f"shard is {shard}; it must be from 0 to {self.shards - 1}")
        arguments: list[str | int | bytes] = [n, fill]
        return Call("due", Keys(shard).of_shard, arguments, lambda a: (_claimed(a[0], []), _texts(a[1])))

    def flush(self, track_id: str) -> Call[Appended]:
        return self._of_track("flush", track_id, [], lambda answer: _appended(track_id, answer, 0))

    def claim(self, shard: int, candidates: list[str], worker: str, n: int, lease_ms: int, fill: Fill) -> Call[Claimed]:
        keys = Keys(shard)
        hashes = [keys.hash_of(track_id) for track_id in candidates]
        args: list[str | int | bytes] = [worker, n, lease_ms, _epoch_step(), fill, *candidates]
        return Call("claim", [*keys.of_shard, *hashes], args, lambda a: _claimed(*a))

    def read(self, track_id: str, from_sample: int, limit_samples: int) -> Call[list[AudioSpan]]:
        check_position("from_sample", from_sample)
        check_position("limit_samples", limit_samples)
        return self._of_track(
            "read", track_id, [from_sample, limit_samples], lambda a: _spans(track_id, a, from_sample)
        )

    def extend(self, track_id: str, epoch: int, lease_ms: int) -> Call[bool]:
        check_time("lease_ms", lease_ms, 1)
        return self._of_track("extend", track_id, [epoch, lease_ms], bool)

    def release(
        self,
        track_id: str,
        epoch: int,
        committed_sample: int,
        keep_sample: int,
        seen_sample: int,
        state: bytes,
        delay_ms: int,
        rest_ms: int,
        retry: bool,
    ) -> Call[bool]:
        check_position("committed_sample", committed_sample)
        check_position("keep_sample", keep_sample)
        if keep_sample > committed_sample:
            raise InvalidInput(
                f"keep_sample {keep_sample} is after committed_sample {committed_sample}; give at most that"
            )
        check_time("delay_ms", delay_ms)
        check_time("rest_ms", rest_ms)
        check_state(state)
        args: list[str | int | bytes] = [
            epoch, committed_sample, keep_sample, seen_sample, delay_ms, rest_ms, int(retry), state
        ]  # fmt: skip
        return self._of_track("release", track_id, args, bool)

    def listenable(self, shard: int, n: int) -> Call[list[str]]:
        keys = Keys(shard)
        return Call("listenable", [*keys.of_shard, keys.voices], [n], _texts)

    def listen(self, track_id: str, lease_ms: int) -> Call[ListenerClaim | None]:
        check_time("lease_ms", lease_ms, 1)
        return self._of_track("listen", track_id, [lease_ms, _epoch_step()], lambda a: _listener_claim(track_id, a))

    def heard(
        self,
        track_id: str,
        epoch: int,
        heard_sample: int,
        keep_sample: int,
        next_sample: int,
        delay_ms: int,
        retry: bool,
    ) -> Call[bool]:
        check_position("heard_sample", heard_sample)
        check_position("keep_sample", keep_sample)
        check_time("delay_ms", delay_ms)
        args: list[str | int | bytes] = [epoch, heard_sample, keep_sample, next_sample, delay_ms, int(retry)]
        return self._of_track("heard", track_id, args, bool)

    def unlisten(self, track_id: str) -> Call[None]:
        return self._of_track("unlisten", track_id, [], lambda _answer: None)

    def forget(self, track_id: str) -> Call[None]:
        return self._of_track("forget", track_id, [], lambda _answer: None)

    def status(self, track_id: str) -> Call[Status]:
        return self._of_track("status", track_id, [], lambda answer: _status(track_id, answer))

    def depth(self, shard: int) -> Call[Depth]:
        return Call("depth", Keys(shard).of_shard, [], lambda answer: Depth(*answer))


def check_claim(n: int, lease_ms: int) -> None:
    """Raise InvalidInput unless *n* tracks can be claimed for *lease_ms*."""
    if n < 1:
        raise InvalidInput(f"n is {n}; it must be at least 1")
    check_time("lease_ms", lease_ms, 1)


def _epoch_step() -> int:
    """A random step by which an epoch grows, so that a server that lost its data does not give out an epoch twice."""
    return 1 + secrets.randbelow(EPOCH_STEP_LIMIT)


def _missing(track_id: str) -> MailboxMissing:
    return MailboxMissing(f"track '{track_id}' has no mailbox; open it again from the database", track_id=track_id)


def _status(track_id: str, answer: ScriptReply) -> Status:
    if answer[0] == b"missing":
        raise _missing(track_id)
    due, lease, committed, received, closed, kind, epoch, attempts, limit, worker = answer[1:]
    return Status(
        track_id,
        int(committed),
        int(received),
        closed == b"1",
        TrackKind(kind.decode()),
        int(epoch),
        int(attempts),
        int(limit),
        worker.decode(),
        due_in_ms=None if due < 0 else due,
        lease_ms=None if lease < 0 else lease,
    )


def _appended(track_id: str, answer: ScriptReply, sample: int) -> Appended:
    match answer:
        case [b"ok", received, wake]:
            return Appended(received, bool(wake))
        case [b"closed", received]:
            raise TrackClosed(
                f"track '{track_id}' was closed at sample {received}; start another meeting for later audio",
                received_sample=received,
            )
        case [b"gap", received]:
            raise AudioGap(
                f"audio at sample {sample} would leave a gap; continue at sample {received}, or skip to {sample}",
                expected_sample=received,
            )
        case [b"full", received, overflow]:
            wait_ms = min(max(overflow // SAMPLES_PER_MS, SHORTEST_WAIT_MS), LONGEST_WAIT_MS)
            raise Backlogged(
                f"the mailbox of track '{track_id}' is full; wait {wait_ms} ms, then continue at sample {received}",
                received_sample=received,
                retry_after_ms=wait_ms,
            )
    raise _missing(track_id)


def _spans(track_id: str, answer: ScriptReply, from_sample: int) -> list[AudioSpan]:
    match answer:
        case [b"ok", pieces]:
            return _merged([AudioSpan(*piece) for piece in pieces])
        case [b"trimmed", first]:
            raise AudioTrimmed(
                f"track '{track_id}' no longer has audio at sample {from_sample}; the first sample it has is {first}",
                first_sample=first,
            )
    raise _missing(track_id)


def _merged(pieces: list[AudioSpan]) -> list[AudioSpan]:
    """Join neighbouring spans that have audio."""
    spans: list[AudioSpan] = []
    run: list[bytes] = []
    for at, piece in enumerate(pieces):
        if piece.pcm is None:
            spans.append(piece)
            continue
        run.append(piece.pcm)
        if at + 1 == len(pieces) or pieces[at + 1].pcm is None:
            pcm = b"".join(run)
            spans.append(AudioSpan(piece.end_sample - len(pcm) // 2, piece.end_sample, pcm))
            run.clear()
    return spans


def _claimed(rest: ScriptReply, claims: ScriptReply) -> Claimed:
    next_due_ms, more, live = rest
    tracks = [_claim(*fields) for fields in claims]
    return Claimed(tracks, None if next_due_ms < 0 else next_due_ms, bool(more), live_waiting=live)


def _claim(
    track: bytes,
    epoch: int,
    committed: int,
    received: int,
    closed: int,
    kind: bytes,
    state: bytes,
    attempts: int,
    waited_ms: int,
    flushed: int,
) -> Claim:
    track_kind = TrackKind(kind.decode())
    return Claim(
        track.decode(), epoch, committed, received, bool(closed), track_kind, state, attempts, waited_ms, flushed
    )


def _listener_claim(track_id: str, answer: ScriptReply) -> ListenerClaim | None:
    if answer[0] != b"ok":
        return None
    epoch, heard, received, closed, batch, attempts = answer[1:]
    kind = TrackKind.BATCH if batch else TrackKind.LIVE
    return ListenerClaim(track_id, epoch, heard, received, bool(closed), kind, attempts)


def _texts(values: list[bytes]) -> list[str]:
    return [value.decode() for value in values]


FOLDER = Path(__file__).with_name("lua")
NAMES = (
    "open", "append", "skip", "flush", "close", "due", "claim", "read", "extend", "release", "forget", "status",
    "depth", "listenable", "listen", "heard", "unlisten",
)  # fmt: skip


@cache
def source(name: str) -> str:
    """The complete text of a script, as it is sent to the server."""
    flags, body = (FOLDER / f"{name}.lua").read_text().split("\n", 1)
    return f"{flags}\n{(FOLDER / 'prelude.lua').read_text()}\n{body}"
