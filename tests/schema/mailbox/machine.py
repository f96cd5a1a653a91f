"""The rules of random meetings: what producers, workers and the world may do, and what must hold after each."""

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
from tests.schema.mailbox.meeting import LONGEST, Held, Meeting, merged

LEASE_MS = 1_000_000
PAUSE_MS = 500_000
STEPS_MS = (300_000, 1_100_000)
"""Time passes in steps whose sums stay far from leases and pauses, so that the seconds of the test do not matter."""
BACKLOG_LIMIT = 900
DAY_MS = 86_400_000

tracks = st.integers(0, 3)
portions = st.sampled_from([0.0, 0.3, 0.7, 1.0])


class Meetings(RuleBasedStateMachine):
    """Producers and workers of four tracks, one of them batch."""

    client: Redis
    shards = 1

    def __init__(self) -> None:
        super().__init__()
        self.client.flushdb()
        self.mailbox = Mailbox(self.client, self.shards)
        self.meetings = [Meeting(f"track-{number}", batch=number == 3) for number in range(4)]
        self.now_ms = 0
        self.workers: list[tuple[Meeting, Held]] = []

    @initialize()
    def open_all(self) -> None:
        for meeting in self.meetings:
            self.open(meeting)

    def open(self, meeting: Meeting) -> None:
        self.mailbox.open(
            meeting.track_id,
            committed_sample=meeting.sql.committed_sample,
            epoch=meeting.sql.epoch,
            kind=TrackKind.BATCH if meeting.batch else TrackKind.LIVE,
            backlog_limit_samples=BACKLOG_LIMIT,
        )

    # Producers

    @rule(track=tracks, length=st.integers(1, 400), back=st.integers(0, 300))
    def append(self, track: int, length: int, back: int) -> None:
        """The next piece, or one that was sent before, or one that overlaps."""
        meeting = self.meetings[track]
        first = max(0, meeting.received - back)
        end = min(first + length, LONGEST)
        if end <= first:
            return
        fresh, pending = end - meeting.received, meeting.received - meeting.committed
        try:
            answer = self.mailbox.append(meeting.track_id, first, meeting.pcm(first, end))
        except TrackClosed:
            assert meeting.closed
            assert fresh > 0
        except Backlogged:
            assert pending > 0
            assert pending + fresh > BACKLOG_LIMIT
        else:
            if fresh > 0:
                assert not meeting.closed
                assert pending == 0 or pending + fresh <= BACKLOG_LIMIT
                meeting.take(end, self.now_ms, lost=False)
            assert answer.received_sample == meeting.received

    @rule(track=tracks, gap=st.integers(1, 500))
    def append_after_a_gap(self, track: int, gap: int) -> None:
        meeting = self.meetings[track]
        with pytest.raises((AudioGap, TrackClosed)) as refused:
            self.mailbox.append(meeting.track_id, meeting.received + gap, b"ab")
        if not meeting.closed:
            assert refused.value.facts == {"expected_sample": meeting.received}

    @rule(track=tracks, length=st.integers(-100, 200))
    def skip(self, track: int, length: int) -> None:
        meeting = self.meetings[track]
        target = min(max(0, meeting.received + length), LONGEST)
        if meeting.closed and target > meeting.received:
            with pytest.raises(TrackClosed):
                self.mailbox.skip(meeting.track_id, target)
            return
        answer = self.mailbox.skip(meeting.track_id, target)
        if target > meeting.received:
            meeting.take(target, self.now_ms, lost=True)
        assert answer.received_sample == meeting.received

    @rule(track=tracks, lost=st.sampled_from([0, 0, 50]))
    def close(self, track: int, lost: int) -> None:
        meeting = self.meetings[track]
        first_time = not meeting.closed
        final = min(meeting.received + lost, LONGEST)
        answer = self.mailbox.close(meeting.track_id, final)
        if first_time:
            meeting.take(max(final, meeting.received), self.now_ms, lost=True)
            meeting.closed = True
            meeting.sql.closed_sample = meeting.received
            if meeting.due_ms is not None:
                meeting.due_ms = min(meeting.due_ms, self.now_ms)
        meeting.make_due(self.now_ms)
        assert answer.received_sample == meeting.received

    @rule(track=tracks)
    def open_again(self, track: int) -> None:
        """As an API process does that does not know the track yet."""
        meeting = self.meetings[track]
        self.open(meeting)
        meeting.committed_up_to(meeting.sql.committed_sample)

    # Workers

    @rule(n=st.integers(1, 6), shard=st.integers(0, 2))
    def claim(self, n: int, shard: int) -> None:
        """A wake-up, needed, doubled or late: some worker claims."""
        shard %= self.shards
        self._expire()
        due = {
            meeting.track_id: meeting
            for meeting in self.meetings
            if shard_of(meeting.track_id, self.shards) == shard
            and meeting.due_ms is not None
            and meeting.due_ms <= self.now_ms
        }
        claimed = self.mailbox.claim("worker", n, LEASE_MS, shard)
        assert len(claimed.tracks) == min(n, len(due))
        assert claimed.more == (len(due) > n)
        for claim in claimed.tracks:
            meeting = due.pop(claim.track_id)
            meeting.attempts += 1
            assert claim.epoch > meeting.last_epoch
            assert claim.epoch not in meeting.epochs
            meeting.epochs.add(claim.epoch)
            assert (claim.received_sample, claim.committed_sample) == (meeting.received, meeting.committed)
            assert (claim.closed, claim.attempts) == (meeting.closed, meeting.attempts)
            held = Held(claim, self.now_ms + LEASE_MS, meeting.sql.committed_sample, meeting.sql.epoch)
            meeting.last_epoch, meeting.holder, meeting.due_ms = claim.epoch, held, None
            self.workers.append((meeting, held))

    def _expire(self) -> None:
        for meeting in self.meetings:
            if meeting.holder and meeting.holder.lease_end_ms <= self.now_ms and meeting.due_ms is None:
                meeting.due_ms = meeting.holder.lease_end_ms

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), limit=st.integers(1, 1500), portion=portions)
    def read(self, data: st.DataObject, limit: int, portion: float) -> None:
        meeting, held = data.draw(st.sampled_from(self.workers))
        try:
            held.spans = self.mailbox.read(meeting.track_id, held.base_sample, limit)
        except AudioTrimmed:
            assert held is not meeting.holder, "the audio of a worker that holds the track was trimmed"
            return
        end = max(held.base_sample, min(meeting.received, held.base_sample + limit))
        assert merged(held.spans) == meeting.expected(held.base_sample, end)
        held.new_sample = held.base_sample + int((end - held.base_sample) * portion)

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        """SQL takes it or refuses it; a worker that is refused lets the track go by itself."""
        meeting, held = data.draw(st.sampled_from(self.workers))
        if held.spans is None:
            return
        epoch = held.claim.epoch
        if not meeting.sql.commit(held.base_sample, held.base_epoch, epoch, held.spans, held.new_sample):
            self.workers.remove((meeting, held))
        held.base_sample, held.base_epoch, held.spans = held.new_sample, epoch, None

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), context=st.integers(0, 200), delay_ms=st.sampled_from([0, PAUSE_MS]), retry=st.booleans())
    def release(self, data: st.DataObject, context: int, delay_ms: int, retry: bool) -> None:
        meeting, held = data.draw(st.sampled_from(self.workers))
        done = min(held.base_sample, meeting.sql.committed_sample)
        released = self.mailbox.release(
            meeting.track_id,
            held.claim.epoch,
            committed_sample=done,
            keep_sample=max(0, done - context),
            seen_sample=held.claim.received_sample,
            delay_ms=delay_ms,
            retry=retry,
        )
        self.workers.remove((meeting, held))
        assert released == (held is meeting.holder)
        if released:
            self._released(meeting, held, done, delay_ms, retry)

    def _released(self, meeting: Meeting, held: Held, done: int, delay_ms: int, retry: bool) -> None:
        meeting.committed_up_to(done)
        meeting.holder = meeting.due_ms = None
        news_of_close = meeting.closed and not held.claim.closed
        meeting.not_before_ms = self.now_ms + delay_ms
        unseen = meeting.received > held.claim.received_sample
        if not retry:
            meeting.attempts = 0
        if news_of_close and not retry:
            meeting.due_ms = self.now_ms
        elif retry or unseen or news_of_close or (meeting.closed and meeting.committed < meeting.received):
            meeting.due_ms = meeting.not_before_ms

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def extend(self, data: st.DataObject) -> None:
        meeting, held = data.draw(st.sampled_from(self.workers))
        extended = self.mailbox.extend(meeting.track_id, held.claim.epoch, LEASE_MS)
        assert extended == (held is meeting.holder)
        if extended:
            held.lease_end_ms, meeting.due_ms = self.now_ms + LEASE_MS, None

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """A worker dies: it says nothing any more."""
        self.workers.remove(data.draw(st.sampled_from(self.workers)))

    # The world

    @rule(ms=st.sampled_from(STEPS_MS))
    def pass_time(self, ms: int) -> None:
        self.now_ms += ms
        for shard in range(self.shards):
            shift_clock(self.client, ms, shard)
        self._look_at_the_clock()
        self._expire()

    @rule()
    def clock_jumps_back(self) -> None:
        for shard in range(self.shards):
            shift_clock(self.client, -DAY_MS, shard)
        self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        """A jump is told from time that passes by what scripts saw in between."""
        for meeting in self.meetings:
            assert not self.mailbox.extend(meeting.track_id, 0, LEASE_MS)

    @invariant()
    def the_mailboxes_are_as_expected(self) -> None:
        for meeting in self.meetings:
            status = self.mailbox.status(meeting.track_id)
            assert (status.received_sample, status.committed_sample) == (meeting.received, meeting.committed)
            in_ready_set = status.due_in_ms is not None or status.lease_ms is not None
            assert in_ready_set == (meeting.due_ms is not None or meeting.holder is not None)
        pending = sum(self.mailbox.depth(shard).pending_samples for shard in range(self.shards))
        assert pending == sum(meeting.received - meeting.committed for meeting in self.meetings)

    @invariant()
    def coverage_tiles_what_is_committed(self) -> None:
        """What is missing was lost at some time, if only before the mailbox was lost and the audio sent again."""
        for meeting in self.meetings:
            coverage = merged(meeting.sql.coverage)
            tiled = (coverage[0].first_sample, coverage[-1].end_sample) if coverage else (0, 0)
            assert tiled == (0, meeting.sql.committed_sample)
            for span in coverage:
                if span.pcm is None:
                    assert meeting.lost.issuperset(range(span.first_sample, span.end_sample))
                else:
                    assert span.pcm == meeting.pcm(span.first_sample, span.end_sample)

    def teardown(self) -> None:
        """Everybody goes home: with workers that work, every meeting is committed to its last sample."""
        for track in range(len(self.meetings)):
            self.open_again(track)
            self.close(track, 0)
        for _ in range(40):
            self.pass_time(STEPS_MS[1])
            for shard in range(self.shards):
                self._work(shard)
        for meeting in self.meetings:
            assert meeting.sql.committed_sample == meeting.received
            assert self.mailbox.status(meeting.track_id).due_in_ms is None
        self.coverage_tiles_what_is_committed()
        self.the_mailboxes_are_as_expected()

    def _work(self, shard: int) -> None:
        for claim in self.mailbox.claim("last", 3, LEASE_MS, shard).tracks:
            (meeting,) = (meeting for meeting in self.meetings if meeting.track_id == claim.track_id)
            base, base_epoch = meeting.sql.committed_sample, meeting.sql.epoch
            spans: list[AudioSpan] = self.mailbox.read(claim.track_id, base, LONGEST)
            assert merged(spans) == meeting.expected(base, meeting.received)
            assert meeting.sql.commit(base, base_epoch, claim.epoch, spans, meeting.received)
            done = meeting.received
            assert self.mailbox.release(
                claim.track_id, claim.epoch, committed_sample=done, keep_sample=done, seen_sample=done
            )
            meeting.committed, meeting.holder, meeting.due_ms = done, None, None
