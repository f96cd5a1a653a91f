"""Words at seams: where somebody waited for the words so far in the middle of a word."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from schema.core.states import CoverageKind
from tests.workers.asr.conftest import REPOSITORY
from training.data.audio import Samples
from workers.asr.engine import Engine
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.streaming.guard import Judgement, judge, transcribe_guarded
from workers.asr.streaming.policy import align_att
from workers.asr.streaming.seams import after_seam, continued, forced_at_seam
from workers.asr.streaming.stream import plan, settle
from workers.asr.streaming.track import CommittedSpan, StreamState, TrackView

SECOND = 16_000
SEAM_WORD = Word(" part.", SECOND, 2 * SECOND, 0.9)


def hypothesis(*words: tuple[str, float, float], avg_logprob: float = -0.2) -> Hypothesis:
    """Words with the seconds at which they begin and end."""
    timed = tuple(Word(text, int(first * SECOND), int(end * SECOND), 0.9) for text, first, end in words)
    return Hypothesis(timed, tuple(word.end_sample for word in timed), avg_logprob, 0.0, 1.0)


def test_the_word_before_a_seam_is_forced_without_its_end_mark() -> None:
    first = Word(" One,", 0, SECOND, 0.9)
    assert [word.text for word in forced_at_seam((first, SEAM_WORD))] == [" One,", " part"]
    assert forced_at_seam((first, replace(SEAM_WORD, text=" ..."))) == (first,)
    assert forced_at_seam(()) == ()


def test_a_mark_of_the_word_before_the_seam_does_not_begin_the_next_words() -> None:
    assert continued(hypothesis((". He", 2, 3), (" said.", 3, 4))).text == " He said."
    assert continued(hypothesis((".", 2, 3))).words == ()
    assert continued(hypothesis()).words == ()


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ([(" the", 0.5, 1.0), (" pilot", 1.4, 2.8), (" customers", 2.8, 3)], " pilot customers"),
        ([(" part,", 1.6, 2.6), (" and", 2.6, 3)], " and"),
        ([(" parties", 1.6, 2.6), (" and", 2.6, 3)], "ies and"),
        ([(" part", 1.1, 1.9)], ""),
        ([], ""),
    ],
)
def test_a_word_that_was_committed_before_the_seam_is_not_written_again(
    read: list[tuple[str, float, float]], text: str
) -> None:
    rest = after_seam(hypothesis(*read), replace(SEAM_WORD, text=" part"))
    assert rest.text == text
    assert len(rest.attended_samples) == len(rest.words)


def test_few_words_beside_a_seam_may_be_less_probable() -> None:
    unsure = hypothesis((" Ask", 0, 1), (" not", 1, 2), avg_logprob=-1.4)
    window = Window(np.zeros(2 * SECOND, np.int16))
    assert judge(unsure, window).judgement is Judgement.RETRY
    assert judge(unsure, replace(window, begins_at_seam=True, ends_at_seam=True)).judgement is Judgement.OK


@pytest.mark.model
@pytest.mark.parametrize("cuts_s", [(1.8, 4.1, 8.4, 12.0, 14.9), (2.3, 5.2, 7.1, 10.9, 13.3)])
def test_clear_speech_that_is_cut_in_words_is_transcribed_and_repeats_nothing(
    engine: Engine, meeting: Samples, cuts_s: tuple[float, ...]
) -> None:
    state, words, spans = StreamState(), list[Word](), list[CommittedSpan]()
    for end in [round(at_s * SECOND) for at_s in (*cuts_s, 16.6)]:
        while state.committed_sample < end:
            view = TrackView(state, meeting[state.window_first_sample : end], flushed=True)
            planned = plan(view)
            spans += planned.silent
            state = planned.view.state
            if planned.window is None:
                continue
            ((read, verdict),) = transcribe_guarded(engine, [planned.window])
            outcome = settle(planned, read, verdict, align_att)
            words += outcome.words
            spans += outcome.spans
            state = outcome.state
    assert [span for span in spans if span.kind is CoverageKind.FAILED] == []
    said = [word.text.strip(" .,?!").lower() for word in words]
    assert [pair for pair in pairwise(said) if pair[0] == pair[1]] == []
    reference = (REPOSITORY / "deploy/demo/reference.txt").read_text().split()[:42]
    assert len(reference) - 4 <= len(said) <= len(reference) + 2
