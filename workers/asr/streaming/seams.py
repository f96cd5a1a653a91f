"""Seams: places where somebody waited for the words so far, although the speaker may be in the middle of a word.

If the audio ends inside a word, the model writes something else that begins in the same way, but is less sure of it. So
an unsure word that was read from the end of the audio is held: it stays open, and is read whole with what follows.

Any other word before a seam is committed as the model heard it, perhaps with the mark of a sentence that has not ended.
After such a mark a model may end its text although the speaker goes on. So the word is forced without its mark. If the
result is still poor, the word itself is left out and read again with what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from schema.core.units import samples_of_ms
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.words import MARKS

CUT_LIMITS = ((samples_of_ms(60), 0.95), (samples_of_ms(300), 0.5))
"""(margin, probability): a word may be cut if its last token attends to this last part of the audio and the word has
less than this probability. Most whole words have more, also at the very end. Chosen with
`python -m bench.seams --part tuning`."""


def held_at_seam(window: Window, hypothesis: Hypothesis) -> int:
    """How many of the last words of *hypothesis* the end of *window* may cut, so that they are held.

    One word at least is committed, because a client that waits after a single word wants to have it.
    """
    if not window.ends_at_seam:
        return 0
    last_words = zip(reversed(hypothesis.words[1:]), reversed(hypothesis.attended_samples[1:]), strict=True)
    return sum(1 for _ in takewhile(lambda last: _may_be_cut(window, *last), last_words))


def _may_be_cut(window: Window, word: Word, attended: int) -> bool:
    # Attention that peaks before the word says nothing about its end.
    after = len(window.samples) - (attended if attended > word.start_sample else word.end_sample)
    return any(after <= margin and word.probability < limit for margin, limit in CUT_LIMITS)


def forced_at_seam(prefix: Sequence[Word]) -> tuple[Word, ...]:
    """The words to force if the last one stands before a seam: without the mark after it."""
    if not prefix:
        return ()
    last = replace(prefix[-1], text=prefix[-1].text.rstrip(MARKS))
    return (*prefix[:-1], last) if last.text.strip() else tuple(prefix[:-1])


def without_seam_word(window: Window) -> Window:
    """*window* without the forced word before its seam."""
    return replace(window, prefix=window.prefix[:-1])


def continued(hypothesis: Hypothesis) -> Hypothesis:
    """*hypothesis* without the marks at its beginning, which belong to the word before the seam."""
    return _with_first_text(hypothesis, hypothesis.words[0].text.lstrip(MARKS)) if hypothesis.words else hypothesis


def after_seam(hypothesis: Hypothesis, seam_word: Word) -> Hypothesis:
    """*hypothesis* of a window that was read without *seam_word*, without what had been committed as that word.

    Words that lie before the seam are left out. If the first word after them begins like the seam word, only its rest
    stays.
    """
    passed = 0
    for word in hypothesis.words:
        if word.start_sample + word.end_sample >= 2 * seam_word.end_sample:
            break
        passed += 1
    rest = _without_first(hypothesis, passed)
    if not rest.words:
        return rest
    said, text = seam_word.text.strip().casefold(), rest.words[0].text
    if not text.strip().casefold().startswith(said):
        return rest
    return _with_first_text(rest, text.lstrip()[len(said) :].lstrip(MARKS))


def _with_first_text(hypothesis: Hypothesis, text: str) -> Hypothesis:
    if not text.strip(MARKS + " "):
        return _without_first(hypothesis, 1)
    first, *others = hypothesis.words
    return replace(hypothesis, words=(replace(first, text=text), *others))


def _without_first(hypothesis: Hypothesis, count: int) -> Hypothesis:
    return replace(hypothesis, words=hypothesis.words[count:], attended_samples=hypothesis.attended_samples[count:])
