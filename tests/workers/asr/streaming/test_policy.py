from __future__ import annotations

from typing import get_args

from schema.core.settings import Settings
from workers.asr.hypothesis import Hypothesis, Word
from workers.asr.streaming.policy import POLICIES, align_att_with, local_agreement

SECOND = 16_000


def _hypothesis(*words: tuple[str, float]) -> Hypothesis:
    """A hypothesis with these words, each given by its text and the second that it attends to."""
    return Hypothesis(
        words=tuple(Word(f" {text}", 0, 0, 1.0) for text, _ in words),
        attended_samples=tuple(int(seconds * SECOND) for _, seconds in words),
        avg_logprob=-0.1,
        no_speech_prob=0.0,
        compression_ratio=1.0,
    )


def test_agreement_commits_the_common_start_regardless_of_case_and_punctuation() -> None:
    hypothesis = _hypothesis(("So,", 1), ("we", 1), ("launch", 1), ("on", 1), ("Monday.", 1))
    assert local_agreement(hypothesis, (" so", " We", " launch,", " a"), 0) == 3


def test_agreement_commits_nothing_without_an_earlier_hypothesis() -> None:
    assert local_agreement(_hypothesis(("So", 1)), (), 0) == 0


def test_attention_near_the_end_of_the_audio_stops_the_commit() -> None:
    policy = align_att_with(400)
    hypothesis = _hypothesis(("we", 1.0), ("launch", 2.0), ("on", 3.7), ("Monday", 2.0), ("noon", 2.1))
    assert policy(hypothesis, (), 4 * SECOND) == 2


def test_the_last_word_needs_twice_the_margin() -> None:
    policy = align_att_with(400)
    assert policy(_hypothesis(("we", 1.0), ("launch", 3.3)), (), 4 * SECOND) == 1
    assert policy(_hypothesis(("we", 1.0), ("launch", 3.1)), (), 4 * SECOND) == 2


def test_every_policy_can_be_chosen_in_the_settings() -> None:
    assert set(get_args(Settings.model_fields["asr_policy"].annotation)) == set(POLICIES)
