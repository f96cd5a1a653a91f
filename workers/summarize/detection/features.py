"""What the detector sees of each line: its words, what a language model knows of it, and how it was said.

Legend: T lines, F features.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np

from schema.core.sentences import is_question
from schema.core.words import count_words
from workers.summarize.detection.line_encoder import STATES
from workers.summarize.text.embedding import EMBEDDING, Features, embedded
from workers.summarize.text.segment import SpokenSegment

FACTS = 7
WIDTH = EMBEDDING + STATES + FACTS
_SHORT_WORDS = 4
_LONG_WORDS = 60


def line_features(lines: Sequence[SpokenSegment], states: Features, people: Collection[str]) -> Features:
    """The features (T, WIDTH) of *lines* with *states* (T, STATES). *people* are the names that lines may mention."""
    if not lines:
        return np.zeros((0, WIDTH), np.float32)
    return np.concatenate([embedded([line.text for line in lines]), states, line_facts(lines, people)], axis=1)


def line_facts(lines: Sequence[SpokenSegment], people: Collection[str]) -> Features:
    """The facts (T, FACTS): length, brevity, question, same speaker as before, a name, a digit, speakers known."""
    named = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in people)) if people else None
    known = any(line.speaker for line in lines)
    rows = np.zeros((len(lines), FACTS), np.float32)
    for at, line in enumerate(lines):
        length = count_words(line.text)
        before = lines[at - 1].speaker if at else None
        rows[at] = (
            min(length, _LONG_WORDS) / 20,
            length < _SHORT_WORDS,
            is_question(line.text),
            line.speaker is not None and line.speaker == before,
            named is not None and named.search(line.text) is not None,
            any(letter.isdigit() for letter in line.text),
            known,
        )
    return rows
