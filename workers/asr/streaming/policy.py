"""Which words of a reading are sure enough to stand for ever, while the speaker goes on.

A policy takes the hypothesis, the words that the last hypothesis had left uncommitted, and where the audio ends
(samples of the window), and gives the number of leading words to commit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from schema.core.units import samples_of_ms
from workers.asr.hypothesis import Hypothesis

Policy = Callable[[Hypothesis, tuple[str, ...], int], int]

MARGIN_MS = 300
"""How near to the end of the audio AlignAtt lets a committed word look; chosen by `bench/policies.py`."""


def local_agreement(hypothesis: Hypothesis, previous: tuple[str, ...], _audio_end_sample: int) -> int:
    """Commit what two hypotheses in a row agree on (Liu et al. 2020, Macháček et al. 2023)."""
    agreed = 0
    for word, before in zip(hypothesis.words, previous, strict=False):
        if normalised(word.text) != normalised(before):
            break
        agreed += 1
    return agreed


def normalised(word: str) -> str:
    """A word without case and the punctuation around it."""
    return word.strip(" .,!?;:\"'“”()[]-…").lower()


def align_att(
    hypothesis: Hypothesis, _previous: tuple[str, ...], audio_end_sample: int, margin_ms: int = MARGIN_MS
) -> int:
    """Commit words up to the first that was written while looking at the audio's last *margin_ms* (Papi et al. 2023).

    The last word may be half a word: it needs twice the margin.
    """
    limit = audio_end_sample - samples_of_ms(margin_ms)
    last_limit = audio_end_sample - samples_of_ms(2 * margin_ms)
    last = len(hypothesis.words) - 1
    for index, attended in enumerate(hypothesis.attended_samples):
        if attended > (last_limit if index == last else limit):
            return index
    return len(hypothesis.words)


def align_att_with(margin_ms: int) -> Policy:
    """AlignAtt with another margin."""
    return partial(align_att, margin_ms=margin_ms)


POLICIES: dict[str, Policy] = {"align_att": align_att, "local_agreement": local_agreement}
