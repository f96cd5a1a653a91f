"""A Hypothesis state machine for the mailbox: what producers, workers and the world may do, and what must then hold."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from redis import Redis

from schema.core.errors import AudioGap, AudioTrimmed, Backlogged, TrackClosed
from schema.core.states import TrackKind
from schema.mailbox import AudioSpan, Mailbox, shard_of
from tests.schema.mailbox.conftest import shift_clock
from tests.schema.mailbox.track_model import LONGEST, HeldClaim, TrackModel, merged

LEASE_MS = 1_000_000
PAUSE_MS = 500_000
STEPS_MS = (300_000, 1_100_000)
"""Sums of these steps stay far from leases and pauses, so that the duration of the test does not matter."""
BACKLOG_LIMIT = 900
DAY_MS = 86_400_000

tracks = st.integers(0, 3)
portions = st.sampled_from([0.0, 0.3, 0.7, 1.0])


class MailboxStateMachine(RuleBasedStateMachine):
    """Producers and workers of four tracks, one of them batch."""

    client: Redis
    shards = 1

    def __init__(self) -> None:
        super().__init__()
        self.client.flushdb()
        self.mailbox = Mailbox(self.client, self.shards)
        self.models = [TrackModel(f"track-{number}", batch=number == 3) for number in range(4)]
        self.now_ms = 0
        self.workers: list[tuple[TrackModel, HeldClaim]] = []

    @initialize()
    def open_all(self) -> None:
        for model in self.models:
            self.open(model)

    def open(self, model: TrackModel) -> None:
        self.mailbox.open(
            model.track_id,
            committed_sample=model.sql.committed_sample,
            epoch=model.sql.epoch,
            kind=TrackKind.BATCH if model.batch else TrackKind.LIVE,
            backlog_limit_samples=BACKLOG_LIMIT,
        )

    # Producers

    @rule(track=tracks, length=st.integers(1, 400), back=st.integers(0, 300))
    def append(self, track: int, length: int, back: int) -> None:
        """Send the next piece, one that was sent before, or one that overlaps both."""
        model = self.models[track]
        first = max(0, model.received - back)
        end = min(first + length, LONGEST)
        if end <= first:
            return
        fresh, pending = end - model.received, model.received - model.committed
        try:
            answer = self.mailbox.append(model.track_id, first, model.pcm(first, end))
        except TrackClosed:
            assert model.closed
            assert fresh > 0
        except Backlogged:
            assert pending > 0
            assert pending + fresh > BACKLOG_LIMIT
        else:
            if fresh > 0:
                assert not model.closed
                assert pending == 0 or pending + fresh <= BACKLOG_LIMIT
                model.accept(end, self.now_ms, lost=False)
            assert answer.received_sample == model.received

    @rule(track=tracks, gap=st.integers(1, 500))
    def append_after_a_gap(self, track: int, gap: int) -> None:
        model = self.models[track]
        with pytest.raises((AudioGap, TrackClosed)) as refused:
            self.mailbox.append(model.track_id, model.received + gap, b"ab")
        if not model.closed:
            assert refused.value.facts == {"expected_sample": model.received}

    @rule(track=tracks, length=st.integers(-100, 200))
    def skip(self, track: int, length: int) -> None:
        model = self.models[track]
        target = min(max(0, model.received + length), LONGEST)
        if model.closed and target > model.received:
            with pytest.raises(TrackClosed):
                self.mailbox.skip(model.track_id, target)
            return
        answer = self.mailbox.skip(model.track_id, target)
        if target > model.received:
            model.accept(target, self.now_ms, lost=True)
        assert answer.received_sample == model.received

    @rule(track=tracks, lost=st.sampled_from([0, 0, 50]))
    def close(self, track: int, lost: int) -> None:
        model = self.models[track]
        first_time = not model.closed
        final = min(model.received + lost, LONGEST)
        answer = self.mailbox.close(model.track_id, final)
        if first_time:
            model.accept(max(final, model.received), self.now_ms, lost=True)
            model.closed = True
            model.sql.closed_sample = model.received
            if model.due_ms is not None:
                model.due_ms = min(model.due_ms, self.now_ms)
        model.make_due(self.now_ms)
        assert answer.received_sample == model.received

    @rule(track=tracks)
    def open_again(self, track: int) -> None:
        """Open the track as an API process does that does not know it yet."""
        model = self.models[track]
        self.open(model)
        model.committed_up_to(model.sql.committed_sample)

    # Workers

    @rule(n=st.integers(1, 6), shard=st.integers(0, 2))
    def claim(self, n: int, shard: int) -> None:
        """A worker claims after a wake-up, which may be needed, doubled or late."""
        shard %= self.shards
        self._expire()
        due = {
            model.track_id: model
            for model in self.models
            if shard_of(model.track_id, self.shards) == shard
            and model.due_ms is not None
            and model.due_ms <= self.now_ms
        }
        claimed = self.mailbox.claim("worker", n, LEASE_MS, shard)
        assert len(claimed.tracks) == min(n, len(due))
        assert claimed.more == (len(due) > n)
        for claim in claimed.tracks:
            model = due.pop(claim.track_id)
            model.attempts += 1
            assert claim.epoch > model.last_epoch
            assert claim.epoch not in model.epochs
            model.epochs.add(claim.epoch)
            assert (claim.received_sample, claim.committed_sample) == (model.received, model.committed)
            assert (claim.closed, claim.attempts) == (model.closed, model.attempts)
            held = HeldClaim(claim, self.now_ms + LEASE_MS, model.sql.committed_sample, model.sql.epoch)
            model.last_epoch, model.holder, model.due_ms = claim.epoch, held, None
            self.workers.append((model, held))

    def _expire(self) -> None:
        for model in self.models:
            if model.holder and model.holder.lease_end_ms <= self.now_ms and model.due_ms is None:
                model.due_ms = model.holder.lease_end_ms

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), limit=st.integers(1, 1500), portion=portions)
    def read(self, data: st.DataObject, limit: int, portion: float) -> None:
        model, held = data.draw(st.sampled_from(self.workers))
        try:
            held.spans = self.mailbox.read(model.track_id, held.base_sample, limit)
        except AudioTrimmed:
            assert held is not model.holder, "the audio of a worker that holds the track was trimmed"
            return
        end = max(held.base_sample, min(model.received, held.base_sample + limit))
        assert merged(held.spans) == model.expected(held.base_sample, end)
        held.new_sample = held.base_sample + int((end - held.base_sample) * portion)

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        """Commit to SQL, which may refuse. A worker whose commit is refused drops its claim."""
        model, held = data.draw(st.sampled_from(self.workers))
        if held.spans is None:
            return
        epoch = held.claim.epoch
        if not model.sql.commit(held.base_sample, held.base_epoch, epoch, held.spans, held.new_sample):
            self.workers.remove((model, held))
        held.base_sample, held.base_epoch, held.spans = held.new_sample, epoch, None

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), context=st.integers(0, 200), delay_ms=st.sampled_from([0, PAUSE_MS]), retry=st.booleans())
    def release(self, data: st.DataObject, context: int, delay_ms: int, retry: bool) -> None:
        model, held = data.draw(st.sampled_from(self.workers))
        done = min(held.base_sample, model.sql.committed_sample)
        released = self.mailbox.release(
            model.track_id,
            held.claim.epoch,
            committed_sample=done,
            keep_sample=max(0, done - context),
            seen_sample=held.claim.received_sample,
            delay_ms=delay_ms,
            retry=retry,
        )
        self.workers.remove((model, held))
        assert released == (held is model.holder)
        if released:
            self._released(model, held, done, delay_ms, retry)

    def _released(self, model: TrackModel, held: HeldClaim, done: int, delay_ms: int, retry: bool) -> None:
        model.committed_up_to(done)
        model.holder = model.due_ms = None
        closed_meanwhile = model.closed and not held.claim.closed
        model.not_before_ms = self.now_ms + delay_ms
        received_meanwhile = model.received > held.claim.received_sample
        if not retry:
            model.attempts = 0
        if closed_meanwhile and not retry:
            model.due_ms = self.now_ms
        elif retry or received_meanwhile or closed_meanwhile or (model.closed and model.committed < model.received):
            model.due_ms = model.not_before_ms

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def extend(self, data: st.DataObject) -> None:
        model, held = data.draw(st.sampled_from(self.workers))
        extended = self.mailbox.extend(model.track_id, held.claim.epoch, LEASE_MS)
        assert extended == (held is model.holder)
        if extended:
            held.lease_end_ms, model.due_ms = self.now_ms + LEASE_MS, None

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """A worker dies and never releases its claim."""
        self.workers.remove(data.draw(st.sampled_from(self.workers)))

    # Time

    @rule(ms=st.sampled_from(STEPS_MS))
    def pass_time(self, ms: int) -> None:
        self.now_ms += ms
        for shard in range(self.shards):
            shift_clock(self.client, ms, shard)
        self._run_scripts()
        self._expire()

    @rule()
    def clock_jumps_back(self) -> None:
        for shard in range(self.shards):
            shift_clock(self.client, -DAY_MS, shard)
        self._run_scripts()

    def _run_scripts(self) -> None:
        """Run a script for each track, since scripts tell a jump from passing time by the times they saw."""
        for model in self.models:
            assert not self.mailbox.extend(model.track_id, 0, LEASE_MS)

    @invariant()
    def the_mailboxes_are_as_expected(self) -> None:
        for model in self.models:
            status = self.mailbox.status(model.track_id)
            assert (status.received_sample, status.committed_sample) == (model.received, model.committed)
            in_ready_set = status.due_in_ms is not None or status.lease_ms is not None
            assert in_ready_set == (model.due_ms is not None or model.holder is not None)
        pending = sum(self.mailbox.depth(shard).pending_samples for shard in range(self.shards))
        assert pending == sum(model.received - model.committed for model in self.models)

    @invariant()
    def coverage_tiles_what_is_committed(self) -> None:
        """Every missing span was once lost, possibly before its mailbox was lost and its audio resent."""
        for model in self.models:
            coverage = merged(model.sql.coverage)
            tiled = (coverage[0].first_sample, coverage[-1].end_sample) if coverage else (0, 0)
            assert tiled == (0, model.sql.committed_sample)
            for span in coverage:
                if span.pcm is None:
                    assert model.lost.issuperset(range(span.first_sample, span.end_sample))
                else:
                    assert span.pcm == model.pcm(span.first_sample, span.end_sample)

    def teardown(self) -> None:
        """Close every track. Workers that do not fail then commit each of them to its last sample."""
        for track in range(len(self.models)):
            self.open_again(track)
            self.close(track, 0)
        for _ in range(40):
            self.pass_time(STEPS_MS[1])
            for shard in range(self.shards):
                self._work(shard)
        for model in self.models:
            assert model.sql.committed_sample == model.received
            assert self.mailbox.status(model.track_id).due_in_ms is None
        self.coverage_tiles_what_is_committed()
        self.the_mailboxes_are_as_expected()

    def _work(self, shard: int) -> None:
        for claim in self.mailbox.claim("last", 3, LEASE_MS, shard).tracks:
            (model,) = (model for model in self.models if model.track_id == claim.track_id)
            base, base_epoch = model.sql.committed_sample, model.sql.epoch
            spans: list[AudioSpan] = self.mailbox.read(claim.track_id, base, LONGEST)
            assert merged(spans) == model.expected(base, model.received)
            assert model.sql.commit(base, base_epoch, claim.epoch, spans, model.received)
            done = model.received
            assert self.mailbox.release(
                claim.track_id, claim.epoch, committed_sample=done, keep_sample=done, seen_sample=done
            )
            model.committed, model.holder, model.due_ms = done, None, None
