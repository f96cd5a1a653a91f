"""Policies that decide how many words of a hypothesis to commit while the speaker continues.

Committed words never change, and the end of a window often cuts a word in half. So a policy commits only words that
more audio is unlikely to change. It is given the hypothesis, the words that the last hypothesis left uncommitted, and
the length of the window in samples, and returns the number of leading words to commit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from schema.core.units import samples_of_ms
from workers.asr.hypothesis import Hypothesis

Policy = Callable[[Hypothesis, tuple[str, ...], int], int]

MARGIN_MS = 300
"""AlignAtt commits no word that attends to this last part of the audio. Chosen with `bench/policies.py`."""


def local_agreement(hypothesis: Hypothesis, previous: tuple[str, ...], _audio_end_sample: int) -> int:
    """Commit the words on which two consecutive hypotheses agree (Liu et al. 2020, Macháček et al. 2023)."""
    agreed = 0
    for word, before in zip(hypothesis.words, previous, strict=False):
        if normalised(word.text) != normalised(before):
            break
        agreed += 1
    return agreed


def normalised(word: str) -> str:
    """*word* in lower case and without the punctuation around it."""
    return word.strip(" .,!?;:\"'“”()[]-…").lower()


def align_att(
    hypothesis: Hypothesis, _previous: tuple[str, ...], audio_end_sample: int, margin_ms: int = MARGIN_MS
) -> int:
    """Commit the words before the first one that attends to the last *margin_ms* of the audio (Papi et al. 2023).

    A word that attends to the very end depends on sound that may have arrived only in part. The last word needs twice
    the margin, because it may be the first half of a longer word.
    """
    limit = audio_end_sample - samples_of_ms(margin_ms)
    last_limit = audio_end_sample - samples_of_ms(2 * margin_ms)
    last = len(hypothesis.words) - 1
    for index, attended in enumerate(hypothesis.attended_samples):
        if attended > (last_limit if index == last else limit):
            return index
    return len(hypothesis.words)


def align_att_with(margin_ms: int) -> Policy:
    """AlignAtt with the margin *margin_ms*."""
    return partial(align_att, margin_ms=margin_ms)


POLICIES: dict[str, Policy] = {"align_att": align_att, "local_agreement": local_agreement}
