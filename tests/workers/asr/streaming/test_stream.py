from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.policies import LabelledRecording, Replay, error_rate, meeting_beginning, offline, replay
from schema.core.errors import DecodeError
from schema.core.states import CoverageKind
from tests.workers.asr.conftest import REPOSITORY
from training.data.audio import Samples
from workers.asr.engine import Engine
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.streaming.guard import Judgement, Verdict
from workers.asr.streaming.policy import POLICIES, align_att
from workers.asr.streaming.stream import LivePlan, plan, settle
from workers.asr.streaming.track import CommittedSpan, StreamState, TrackView

SECOND = 16_000
OK = Verdict(Judgement.OK)


@dataclass
class CheckedTrack:
    """A track streamed step by step, with checks after each step of what must always hold."""

    samples: Samples
    state: StreamState = field(default_factory=StreamState)
    spans: list[CommittedSpan] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)

    def plan(self, now: int, *, flushed: bool = False) -> LivePlan:
        # The state passes through JSON, as it does between two workers.
        state = StreamState.load(json.loads(json.dumps(self.state.dump())))
        closed = now >= len(self.samples)
        view = TrackView(state, self.samples[state.window_first_sample : now], closed, flushed)
        planned = plan(view)
        self._book(planned.silent, (), planned.view.state)
        if planned.window is not None:
            assert 0 < len(planned.window.samples) <= 30 * SECOND
        return planned

    def settle(self, planned: LivePlan, hypothesis: Hypothesis, verdict: Verdict = OK) -> None:
        outcome = settle(planned, hypothesis, verdict, align_att)
        self._book(outcome.spans, outcome.words, outcome.state)

    def _book(self, spans: tuple[CommittedSpan, ...], words: tuple[Word, ...], state: StreamState) -> None:
        position = self.state.committed_sample
        for span in spans:
            assert span.first_sample == position
            assert span.end_sample > position
            position = span.end_sample
        assert position == state.committed_sample
        assert state.window_first_sample <= state.committed_sample
        for word in words:
            assert self.state.committed_sample <= word.start_sample <= word.end_sample <= state.committed_sample
        self.spans += spans
        self.words += words
        self.state = state


def _random_hypothesis(window: Window, chance: np.random.Generator) -> Hypothesis:
    """A random hypothesis: words in order after the prefix, which attend to random positions."""
    first = window.prefix[-1].end_sample if window.prefix else 0
    edges = np.sort(chance.integers(first, len(window.samples) + 1, 2 * int(chance.integers(1, 12))))
    words = tuple(Word(f" w{i}", int(a), int(b), 0.9) for i, (a, b) in enumerate(edges.reshape(-1, 2)))
    attended = tuple(int(chance.integers(0, len(window.samples) + 1)) for _ in words)
    return Hypothesis(words, attended, -0.2, 0.0, 1.0, truncated=bool(chance.random() < 0.1))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), chunk_s=st.sampled_from([0.3, 1.0, 2.7, 11.0, 40.0]))
def test_every_sample_is_booked_once_for_any_hypotheses(meeting: Samples, seed: int, chunk_s: float) -> None:
    chance = np.random.default_rng(seed)
    first = int(chance.integers(0, len(meeting) - 70 * SECOND))
    samples = meeting[first : first + 60 * SECOND].copy()
    quiet = int(chance.integers(0, 50 * SECOND))
    samples[quiet : quiet + int(chance.integers(0, 9 * SECOND))] = 0
    track, now, steps = CheckedTrack(samples), 0, 0
    while track.state.committed_sample < len(samples):
        now, steps = min(now + int(chunk_s * SECOND), len(samples)), steps + 1
        planned = track.plan(now, flushed=bool(chance.random() < 0.2))
        if planned.window is None:
            continue
        judgement = chance.choice([Judgement.OK, Judgement.OK, Judgement.NO_SPEECH, Judgement.FAILED])
        track.settle(planned, _random_hypothesis(planned.window, chance), Verdict(Judgement(judgement), "a reason"))
        assert steps < 2000
    assert track.spans[-1].end_sample == len(samples)


def test_silence_never_reaches_the_model() -> None:
    track = CheckedTrack(np.zeros(60 * SECOND, np.int16))
    for now in range(SECOND, 61 * SECOND, SECOND):
        assert track.plan(now).window is None
    assert {span.kind for span in track.spans} == {"silent"}
    assert track.state.committed_sample == 60 * SECOND


def test_flushed_silence_is_committed_to_its_end_and_its_last_part_is_read_again_with_what_follows() -> None:
    track = CheckedTrack(np.zeros(60 * SECOND, np.int16))
    assert track.plan(SECOND // 5, flushed=True).window is None
    assert track.state.committed_sample == SECOND // 5
    track.plan(2 * SECOND, flushed=True)
    assert (track.state.committed_sample, track.state.window_first_sample) == (2 * SECOND, int(1.7 * SECOND))


def test_clear_words_before_a_flush_in_speech_are_committed_and_forced_in_the_next_window(meeting: Samples) -> None:
    track, end = flushed_track(meeting, 0.99)
    assert track.state.committed_sample == end
    assert [word.text for word in track.words] == [" Thank", " yo"]
    following = track.plan(end + SECOND).window
    assert following is not None
    assert [word.text for word in following.prefix] == [" Thank", " yo"]


def test_an_unsure_word_before_a_flush_in_speech_stays_open_and_is_committed_when_the_track_ends(
    meeting: Samples,
) -> None:
    track, end = flushed_track(meeting, 0.6)
    assert [word.text for word in track.words] == [" Thank"]
    assert track.state.committed_sample == track.words[0].end_sample
    following = track.plan(end + SECOND).window
    assert following is not None
    assert [word.text for word in following.prefix] == [" Thank"]
    track.samples = meeting[:end]
    at = track.words[0].end_sample - track.state.window_first_sample
    last = Hypothesis((Word(" you.", at, at + SECOND, 0.6),), (end,), -0.2, 0.0, 1.0)
    track.settle(track.plan(end, flushed=True), last)
    assert [word.text for word in track.words] == [" Thank", " you."]
    assert track.state.committed_sample == end


def flushed_track(meeting: Samples, probability: float) -> tuple[CheckedTrack, int]:
    """A track that was flushed at the returned position, where the last word has this *probability*."""
    track = CheckedTrack(meeting[: 60 * SECOND])
    end = int(1.8 * SECOND)
    planned = track.plan(end, flushed=True)
    words = (Word(" Thank", 0, SECOND, 0.9), Word(" yo", SECOND, SECOND + 1, probability))
    track.settle(planned, Hypothesis(words, (end, end), -0.2, 0.0, 1.0))
    return track, end


def test_a_failed_hypothesis_is_booked_with_its_reason_and_never_used_as_prompt(meeting: Samples) -> None:
    track = CheckedTrack(meeting[: 12 * SECOND])
    planned = track.plan(12 * SECOND)
    assert planned.window is not None
    hypothesis = Hypothesis((Word(" loop", 0, SECOND, 0.5),), (0,), -0.2, 0.0, 9.0)
    track.settle(planned, hypothesis, Verdict(Judgement.FAILED, "repetition"))
    assert (track.spans[-1].kind, track.spans[-1].reason) == ("failed", "repetition")
    assert track.state.history == ()
    assert not track.words


@pytest.mark.parametrize("final", [True, False], ids=["at a pause", "while the speaker continues"])
def test_speech_that_stays_without_words_is_booked_as_failed_among_committed_words(
    meeting: Samples, final: bool
) -> None:
    track = CheckedTrack(meeting[: 12 * SECOND])
    planned = replace(track.plan(9 * SECOND), final=final)
    first = planned.view.state.window_first_sample
    times = ((SECOND, 2 * SECOND), (5 * SECOND, 6 * SECOND), (6 * SECOND, 7 * SECOND))
    words = tuple(Word(f" {start}", start, end, 0.9) for start, end in times)
    unread = CommittedSpan(2 * SECOND, 5 * SECOND, CoverageKind.FAILED, "no words")
    hypothesis = Hypothesis(words, tuple(word.end_sample for word in words), -0.2, 0.0, 1.0)
    track.settle(planned, hypothesis, Verdict(Judgement.OK, unread=(unread,)))
    assert len(track.words) == len(words)
    (failed,) = (span for span in track.spans if span.kind is CoverageKind.FAILED)
    assert (failed.first_sample - first, failed.end_sample - first) == (2 * SECOND, 5 * SECOND)
    assert failed.reason == "no words"


def test_forced_words_are_committed_when_no_speech_follows_them(meeting: Samples) -> None:
    track = CheckedTrack(meeting[: 60 * SECOND])
    planned = track.plan(2 * SECOND)
    words = tuple(Word(text, end - SECOND // 2, end, 0.9) for end, text in ((8_000, " Thank"), (SECOND, " you.")))
    track.settle(planned, Hypothesis(words, (0, 0), -0.2, 0.0, 1.0))
    assert track.state.prefix
    while track.state.prefix:
        assert planned.window_end_sample - track.state.committed_sample < 4 * SECOND, "the words wait"
        planned = track.plan(planned.window_end_sample + SECOND // 2)
        assert not planned.final
        track.settle(planned, Hypothesis((), (), 0.0, 0.0, 1.0), Verdict(Judgement.NO_SPEECH))
    assert track.state.window_first_sample == track.state.committed_sample
    assert track.spans[-1].kind == "transcribed"


def test_a_malformed_state_raises_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        StreamState.load({"committed_sample": 1})


@pytest.fixture(scope="module")
def recording() -> LabelledRecording:
    """The first 90 s of the sample meeting."""
    return meeting_beginning(
        REPOSITORY / "deploy/demo/meeting.flac", REPOSITORY / "deploy/demo/segments.json", 90 * SECOND
    )


@pytest.fixture(scope="module")
def transcribed_offline(engine: Engine, recording: LabelledRecording) -> list[Replay]:
    return offline(engine, [recording])


@pytest.mark.model
@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_streamed_meeting_is_within_3_points_of_offline(
    engine: Engine, recording: LabelledRecording, transcribed_offline: list[Replay], name: str
) -> None:
    streamed = replay(engine, [recording], POLICIES[name], step_s=2.0)
    assert error_rate(streamed) <= error_rate(transcribed_offline) + 3
    covered = streamed[0].covered
    assert sum(covered.values()) == len(recording.samples)
    assert covered["failed"] == 0
