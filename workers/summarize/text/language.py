"""The language of a meeting, which says by which stop words, stems and rules it is summarised."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from schema.core.wire import AUTO, ENGLISH, LANGUAGES
from workers.summarize.text.words import count_words, first_words

SAMPLE_WORDS = 150
FEWEST_WORDS = 5
"""Fewer words are taken for English: no guess on them would be any better."""
_OTHER_CODES = {"jv": "jw"}
"""Codes of the detector that Whisper writes differently."""


def language_of(language: str | None, texts: Iterable[str]) -> str:
    """*language*, or where nobody has named one, that of the first words of *texts*. What follows never changes it."""
    if language is not None and language != AUTO:
        return language
    return detect_language(first_words(" ".join(texts), SAMPLE_WORDS))


@lru_cache(maxsize=256)
def detect_language(text: str) -> str:
    """The language that *text* is most likely in, of those that Whisper hears."""
    if count_words(text) < FEWEST_WORDS:
        return ENGLISH
    code: str = _detector().classify(text)[0]
    return _OTHER_CODES.get(code, code)


@lru_cache(maxsize=1)
def _detector() -> Any:
    """Takes a second and 80 MB, so it is loaded when a meeting without a language turns up."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    detector = LanguageIdentifier.from_model_file(MODEL_FILE)
    detector.set_languages(set(detector.labels) & (LANGUAGES | _OTHER_CODES.keys()))
    return detector
