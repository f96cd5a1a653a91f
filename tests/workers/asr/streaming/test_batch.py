"""The windows of a file, and the transcript that is made from their hypotheses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.core.states import CoverageKind
from schema.core.units import WINDOW_LIMIT_SAMPLES, samples_of_s
from training.data.audio import Samples
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.streaming.batch import FilePiece, FilePlan, plan, reach_samples, settle
from workers.asr.streaming.guard import Judgement, Verdict
from workers.asr.streaming.track import CommittedSpan, StreamState, TrackView

MANY = 1000
OK = Verdict(Judgement.OK)


def view(samples: Samples, at: int = 0, closed: bool = True) -> TrackView:
    return TrackView(StreamState(at, at), samples[at:], closed)


def hypothesis_of(words: list[tuple[float, float]]) -> Hypothesis:
    spoken_words = tuple(
        Word(f" {number}", samples_of_s(a), samples_of_s(b), 0.9) for number, (a, b) in enumerate(words)
    )
    return Hypothesis(spoken_words, (), avg_logprob=-0.1, no_speech_prob=0.0, compression_ratio=1.0)


def piece(first_s: float, end_s: float, speech: list[tuple[float, float]]) -> FilePiece:
    spans = tuple((samples_of_s(a), samples_of_s(b)) for a, b in speech)
    first = samples_of_s(first_s)
    window = Window(np.zeros(samples_of_s(end_s) - first, np.int16), speech=spans)
    return FilePiece(first, samples_of_s(end_s), first + spans[-1][1], window)


def planned(*parts: CommittedSpan | FilePiece) -> FilePlan:
    first = parts[0].first_sample
    return FilePlan(view(np.zeros(parts[-1].end_sample, np.int16), first), parts)


def spans_of(outcome_spans: tuple[CommittedSpan, ...]) -> list[tuple[float, float, str]]:
    return [(span.first_sample / 16_000, span.end_sample / 16_000, span.kind) for span in outcome_spans]


def assert_tiles(parts: tuple[CommittedSpan | FilePiece, ...], first: int, end: int) -> None:
    assert [part.first_sample for part in parts] == [first, *(part.end_sample for part in parts[:-1])]
    assert parts[-1].end_sample == end
    assert all(part.end_sample > part.first_sample for part in parts)


def test_the_whole_file_is_cut_into_windows_of_at_most_30_s(meeting: Samples) -> None:
    cut = plan(view(meeting), MANY)
    assert_tiles(cut.parts, 0, len(meeting))
    assert not cut.more
    lengths_s = [len(each.window.samples) / 16_000 for each in cut.pieces]
    assert max(lengths_s) <= 30
    assert 5 <= np.mean(lengths_s) <= 13


@pytest.mark.parametrize("places", [1, 2, 5])
def test_cuts_do_not_depend_on_the_number_of_windows_per_step(meeting: Samples, places: int) -> None:
    whole = plan(view(meeting), MANY).pieces
    at = 0
    pieces: list[FilePiece] = []
    while at < len(meeting):
        step = plan(view(meeting, at), places)
        pieces += step.pieces
        at = step.end_sample
    assert edges(pieces) == edges(whole)


def test_cuts_do_not_depend_on_how_much_audio_has_arrived(meeting: Samples) -> None:
    whole = plan(view(meeting), MANY).pieces
    at = 0
    pieces: list[FilePiece] = []
    for there in range(samples_of_s(7), len(meeting) + samples_of_s(7), samples_of_s(7)):
        step = plan(view(meeting[:there], at, closed=there >= len(meeting)), MANY)
        pieces += step.pieces
        at = step.end_sample
    assert edges(pieces) == edges(whole)


def edges(pieces: list[FilePiece] | tuple[FilePiece, ...]) -> list[tuple[int, int]]:
    return [(each.first_sample, each.end_sample) for each in pieces]


def test_an_open_file_gives_no_window_before_thirty_seconds_are_received(meeting: Samples) -> None:
    assert plan(view(meeting[: WINDOW_LIMIT_SAMPLES - 1], closed=False), MANY).parts == ()
    assert len(plan(view(meeting[:WINDOW_LIMIT_SAMPLES], closed=False), MANY).pieces) == 1


def test_the_audio_that_a_step_reads_is_enough_for_its_windows(meeting: Samples) -> None:
    cut = plan(view(meeting[: reach_samples(4)], closed=False), 4)
    assert len(cut.pieces) == 4
    assert cut.more


def test_silence_needs_no_window() -> None:
    cut = plan(view(np.zeros(samples_of_s(95), np.int16)), MANY)
    assert cut.pieces == ()
    assert_tiles(cut.parts, 0, samples_of_s(95))
    assert {part.kind for part in cut.parts if isinstance(part, CommittedSpan)} == {CoverageKind.SILENT}


def test_speech_without_a_pause_is_cut_into_windows_within_the_limit(meeting: Samples) -> None:
    breathless = np.concatenate([meeting[samples_of_s(1) : samples_of_s(4)]] * 20)
    cut = plan(view(breathless), MANY)
    assert_tiles(cut.parts, 0, len(breathless))
    assert max(len(each.window.samples) for each in cut.pieces) <= WINDOW_LIMIT_SAMPLES


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 400_000)), min_size=1, max_size=6), st.integers(1, 4))
def test_parts_tile_any_mixture_of_sound_and_silence(mixture: list[tuple[bool, int]], places: int) -> None:
    noise = np.random.default_rng(1).normal(0, 3000, 400_000) * np.sin(np.arange(400_000) / 3000) ** 2
    samples = np.concatenate([noise[:n] if loud else np.zeros(n) for loud, n in mixture]).astype(np.int16)
    at, steps = 0, 0
    while at < len(samples):
        step = plan(view(samples, at), places)
        assert_tiles(step.parts, at, step.end_sample)
        assert all(0 < len(window.samples) <= WINDOW_LIMIT_SAMPLES for window in step.windows)
        assert step.end_sample > at
        assert len(step.pieces) <= places
        at, steps = step.end_sample, steps + 1


def test_words_get_their_positions_in_the_meeting() -> None:
    both = planned(piece(10, 20, [(0.5, 9.5)]), piece(20, 26, [(0.2, 3)]))
    outcome = settle(both, [(hypothesis_of([(1, 2), (8, 9.5)]), OK), (hypothesis_of([(0.2, 3)]), OK)])
    assert [word.start_sample / 16_000 for word in outcome.words] == [11, 18, 20.2]
    assert spans_of(outcome.spans) == [(10, 20, "transcribed"), (20, 23, "transcribed"), (23, 26, "silent")]
    assert outcome.state == StreamState(samples_of_s(26), samples_of_s(26))


def test_only_the_failed_window_is_booked_as_failed() -> None:
    both = planned(piece(0, 10, [(0, 10)]), piece(10, 20, [(0, 10)]))
    bad = (hypothesis_of([(1, 2)]), Verdict(Judgement.FAILED, "repetition"))
    outcome = settle(both, [bad, (hypothesis_of([(0, 10)]), OK)])
    assert spans_of(outcome.spans) == [(0, 10, "failed"), (10, 20, "transcribed")]
    assert outcome.spans[0].reason == "repetition"
    assert len(outcome.words) == 1


def test_speech_that_stays_without_words_is_booked_as_failed_between_the_words_around_it() -> None:
    unread = CommittedSpan(samples_of_s(2), samples_of_s(6), CoverageKind.FAILED, "no words")
    skipping = (hypothesis_of([(0, 2), (6, 9)]), Verdict(Judgement.OK, unread=(unread,)))
    outcome = settle(planned(piece(10, 20, [(0, 9)])), [skipping])
    assert spans_of(outcome.spans) == [
        (10, 12, "transcribed"),
        (12, 16, "failed"),
        (16, 19, "transcribed"),
        (19, 20, "silent"),
    ]
    assert outcome.spans[1].reason == "no words"


def test_words_are_kept_in_order_and_inside_their_window() -> None:
    misplaced = hypothesis_of([(3, 4), (2, 3), (9, 14)])
    outcome = settle(planned(piece(0, 10, [(0, 10)])), [(misplaced, OK)])
    times = [(word.start_sample / 16_000, word.end_sample / 16_000) for word in outcome.words]
    assert times == [(3, 4), (4, 4), (9, 10)]


def test_a_plan_gives_the_silence_before_its_first_window() -> None:
    before, between = (CommittedSpan(samples_of_s(a), samples_of_s(a + 5), CoverageKind.SILENT) for a in (0, 10))
    assert planned(before, piece(5, 10, [(0, 4)]), between, piece(15, 20, [(0, 4)])).silence == (before,)
    assert planned(before).silence == (before,)
    assert planned(piece(5, 10, [(0, 4)])).silence == ()


def test_the_vocabulary_is_the_only_prompt(meeting: Samples) -> None:
    with_vocabulary = replace(view(meeting[: samples_of_s(30)]), vocabulary="Priya, Leo", language="en")
    assert {each.window.prompt for each in plan(with_vocabulary, MANY).pieces} == {"Priya, Leo"}


def test_the_windows_of_a_track_that_is_translated_ask_for_a_translation(meeting: Samples) -> None:
    translated = plan(replace(view(meeting), translate=True), 1)
    assert [window.translate for window in translated.windows] == [True]
