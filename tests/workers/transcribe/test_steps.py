"""Steps of live tracks and files: what they decode, commit, leave for later and give up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from schema.core.states import CoverageKind, TrackKind
from schema.core.units import samples_of_s
from schema.mailbox import Claim
from tests.workers.conftest import sample_meeting
from training.data.audio import Samples
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.streaming.guard import JudgedHypothesis, Judgement, Verdict
from workers.asr.streaming.policy import align_att
from workers.asr.streaming.stream import DEFAULTS
from workers.asr.streaming.track import CommittedSpan, StreamState, TrackView
from workers.transcribe.audio import TrackAudio
from workers.transcribe.file import decode_together
from workers.transcribe.file_step import FileStep, plan_file
from workers.transcribe.live_step import LiveStep, plan_live
from workers.transcribe.step import commit_of, give_up, momentary_events
from workers.transcribe.track_rows import TrackFacts

QUIET_S = 3.0
FACTS = TrackFacts("t", "m", "main", 0, 0, None, "en", (), None)


def claim(samples: Samples, attempts: int = 1) -> Claim:
    return Claim("t", 1, 0, len(samples), closed=True, kind=TrackKind.BATCH, state=b"", attempts=attempts, waited_ms=0)


def track_audio(samples: Samples, *, closed: bool = True) -> TrackAudio:
    return TrackAudio(TrackView(StreamState(), samples, closed))


@pytest.fixture(scope="module")
def samples() -> Samples:
    """Three seconds of silence, then 40 s of speech."""
    return np.concatenate([np.zeros(samples_of_s(QUIET_S), np.int16), sample_meeting(0, 40)])


def file_step(samples: Samples, windows: int, *, attempts: int = 1, closed: bool = True) -> FileStep:
    return plan_file(claim(samples, attempts), FACTS, track_audio(samples, closed=closed), windows)


def live_step(samples: Samples, attempts: int = 1) -> LiveStep:
    return plan_live(claim(samples, attempts), FACTS, track_audio(samples), align_att, DEFAULTS)


def complete_hypothesis(window: Window) -> JudgedHypothesis:
    """A hypothesis with one word per second of the window."""
    ends = range(samples_of_s(1), len(window.samples) + 1, samples_of_s(1))
    words = tuple(Word(f" {end}", end - samples_of_s(1), end, 0.9) for end in ends)
    return Hypothesis(words, tuple(word.end_sample for word in words), -0.1, 0.0, 1.0), Verdict(Judgement.OK)


def assert_tiles(spans: Sequence[CommittedSpan], end_sample: int) -> None:
    assert [span.first_sample for span in spans] == [0, *(span.end_sample for span in spans[:-1])]
    assert spans[-1].end_sample == end_sample


def test_a_full_step_of_a_file_has_seen_its_last_cut_and_any_other_the_end_of_its_audio(samples: Samples) -> None:
    one = file_step(samples, 1)
    assert len(one.windows) == 1
    assert 0 < one.seen_sample == one.plan.end_sample < len(samples)
    assert file_step(samples, 100).seen_sample == len(samples)
    waiting = file_step(samples, 100, closed=False)
    assert 0 < waiting.plan.end_sample < waiting.seen_sample == len(samples)


def test_windows_of_live_tracks_and_files_are_decoded_in_one_call(samples: Samples) -> None:
    steps = [live_step(samples), file_step(samples, 2)]
    calls: list[Sequence[Window]] = []

    def decode(windows: Sequence[Window]) -> list[JudgedHypothesis]:
        calls.append(windows)
        return [complete_hypothesis(window) for window in windows]

    live, file = decode_together(steps, decode)
    assert [len(windows) for windows in calls] == [3]
    assert_tiles(live.spans, live.state.committed_sample)
    assert_tiles(file.spans, file_step(samples, 2).plan.end_sample)
    assert live.words[0].start_sample >= samples_of_s(QUIET_S) - samples_of_s(1)


def test_a_step_without_windows_decodes_nothing() -> None:
    silence = np.zeros(samples_of_s(40), np.int16)
    steps = [file_step(silence, 4), live_step(silence)]
    assert [step.windows for step in steps] == [[], []]
    for outcome in decode_together(steps, lambda _windows: pytest.fail("there is nothing to decode")):
        assert_tiles(outcome.spans, outcome.state.committed_sample)
        assert {span.kind for span in outcome.spans} == {CoverageKind.SILENT}
    assert [step.give_up() for step in steps] == steps


@pytest.mark.parametrize("kind", ["file", "live"])
def test_giving_up_books_the_first_window_as_failed_and_the_silence_before_it_as_silent(
    samples: Samples, kind: str
) -> None:
    step = file_step(samples, 4, attempts=3) if kind == "file" else live_step(samples, attempts=3)
    given_up = step.give_up()
    assert given_up.windows == []
    outcome = given_up.settled([])
    silent, failed = outcome.spans
    assert (silent.kind, failed.kind) == (CoverageKind.SILENT, CoverageKind.FAILED)
    assert failed.reason == "not decoded in 2 attempts"
    window = step.windows[0].samples
    assert np.array_equal(samples[failed.first_sample : failed.first_sample + len(window)], window)
    assert failed.end_sample == given_up.seen_sample == outcome.state.committed_sample
    assert failed.end_sample - failed.first_sample >= len(window)
    assert_tiles(outcome.spans, outcome.state.committed_sample)
    assert given_up.given_up == failed
    part, _ = commit_of(given_up, outcome, "tiny.en", None)
    assert part is not None
    assert part.pause
    assert [event.type for event in momentary_events(given_up, outcome)] == ["coverage"]


def test_giving_up_everything_books_one_failed_span(samples: Samples) -> None:
    step = give_up(claim(samples, 4), FACTS, track_audio(samples), len(samples))
    (failed,) = step.settled([]).spans
    assert (failed.first_sample, failed.end_sample, failed.kind) == (0, len(samples), CoverageKind.FAILED)


def test_giving_up_a_completely_committed_track_only_closes_its_segment() -> None:
    audio = TrackAudio(TrackView(StreamState(16_000, 0), np.zeros(16_000, np.int16), closed=True))
    step = give_up(claim(audio.view.samples, 4), FACTS, audio, audio.view.end_sample)
    outcome = step.settled([])
    assert step.given_up is None
    assert (outcome.spans, outcome.state) == ((), audio.view.state)
    part, _ = commit_of(step, outcome, "tiny.en", None)
    assert part is not None  # the open segment is closed
    assert list(part.spans) == []
