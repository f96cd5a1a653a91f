"""Detects the language of a text. The summariser's stop words, stems and rules depend on it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from schema.core.wire import AUTO, ENGLISH, LANGUAGES
from schema.core.words import count_words, first_words

SAMPLE_WORDS = 150
FEWEST_WORDS = 5
"""A shorter text counts as English, since no guess would be better."""
_OTHER_CODES = {"jv": "jw"}
"""The detector's codes for languages that Whisper names differently."""


def language_of(language: str | None, texts: Iterable[str]) -> str:
    """*language* if it is known, else the language of the first words of *texts*. Later words never change it."""
    if language is not None and language != AUTO:
        return language
    return detect_language(first_words(" ".join(texts), SAMPLE_WORDS))


@lru_cache(maxsize=256)
def detect_language(text: str) -> str:
    """The most likely language of *text*, among those that Whisper transcribes."""
    if count_words(text) < FEWEST_WORDS:
        return ENGLISH
    code: str = _detector().classify(text)[0]
    return _OTHER_CODES.get(code, code)


@lru_cache(maxsize=1)
def _detector() -> Any:
    """The detector takes a second and 80 MB to load, so it is loaded for the first meeting without a language."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    detector = LanguageIdentifier.from_model_file(MODEL_FILE)
    detector.set_languages(set(detector.labels) & (LANGUAGES | _OTHER_CODES.keys()))
    return detector
