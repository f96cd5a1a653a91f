"""Seams: places where somebody waited for the words so far, although the speaker may be in the middle of a word.

The last word before a seam is committed as the model heard it: perhaps half of it, and with the mark of a sentence that
has not ended. After such a mark a model may end its text although the speaker goes on. So the word is forced without
its mark. If the result is still poor, the word itself is left out and read again with what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.words import MARKS


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
