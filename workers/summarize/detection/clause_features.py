"""What is known of each clause of an item: an embedding of its words, what the detector knows of its line, and facts
about what it says and where it stands.

Legend: T clauses, F features.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from schema.core.sentences import is_question
from schema.core.words import count_words, words
from workers.summarize.checking.cues import CUES, cues
from workers.summarize.detection.clauses import Clause
from workers.summarize.detection.detector import FoundItem, Reading
from workers.summarize.detection.line_encoder import STATES
from workers.summarize.detection.network import KINDS, OUTPUTS
from workers.summarize.text.due import days
from workers.summarize.text.embedding import EMBEDDING, Features, embedded
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.stems import content_stems, names
from workers.summarize.text.stop_words import stop_words

FACTS = 32 + len(CUES) + len(KINDS) + 2 * OUTPUTS
CLAUSE_WIDTH = FACTS + EMBEDDING + STATES
_AROUND_LINES = 8
_SHORT_ANSWER_WORDS = 6


def clause_features(
    clauses: Sequence[Clause],
    item: FoundItem,
    reading: Reading,
    window: Sequence[SpokenSegment],
    rarity: Mapping[str, float],
    language: str,
) -> Features:
    """The features (T, CLAUSE_WIDTH) of the *clauses* of *item*, which was found by *reading* the *window*.

    *rarity* is the idf of each stem in it.
    """
    texts = [clause.text for clause in clauses]
    vectors = embedded([*texts, " ".join(texts), window[item.main].text])
    own, whole, main = vectors[:-2], vectors[-2], vectors[-1]
    around = _stem_counts(
        (line.text for line in window[max(item.main - _AROUND_LINES, 0) :][: 2 * _AROUND_LINES]), language
    )
    within = _stem_counts(texts, language)
    length = float(np.linalg.norm(whole)) ** 2  # all embeddings are equally long
    rows = [
        [
            *_place(at, clauses, item, window),
            *_content(texts[at], rarity, language),
            sum(around[stem] > 1 for stem in set(content_stems(texts[at], language))) / 4,
            sum(within[stem] > 1 for stem in set(content_stems(texts[at], language))) / 4,
            float(own[at] @ whole) / length,
            float(own[at] @ main) / length,
            *cues(texts[at], language),
            *(item.kind is kind for kind in KINDS),
            *reading.probabilities[clauses[at].line],
            *_after(reading, clauses[at].line),
        ]
        for at in range(len(clauses))
    ]
    states = reading.states[[clause.line for clause in clauses]]
    return np.concatenate([np.asarray(rows, np.float32), own / np.float32(length**0.5), states], axis=1)


def _after(reading: Reading, line: int) -> Features:
    """The probabilities of the line after *line*. Who answers often shows whether something stands."""
    after = line + 1
    return reading.probabilities[after] if after < len(reading.probabilities) else np.zeros(OUTPUTS, np.float32)


def _place(at: int, clauses: Sequence[Clause], item: FoundItem, window: Sequence[SpokenSegment]) -> list[float]:
    """Where clause *at* stands in its item, and who speaks there and after it."""
    clause, count = clauses[at], len(clauses)
    line, main = window[clause.line], window[item.main]
    after = window[clause.line + 1] if clause.line + 1 < len(window) else None
    return [
        at / count,
        at == 0,
        at == count - 1,
        count / 10,
        clause.line == item.main,
        (clause.line - item.main) / 4,
        abs(clause.line - item.main) / 4,
        clause.sentence_number == 0,
        clause.first > 0,
        item.probability,
        line.speaker is not None,
        line.speaker == main.speaker,
        after is not None and after.speaker != line.speaker,
        after is not None and count_words(after.text) < _SHORT_ANSWER_WORDS,
    ]


def _content(text: str, rarity: Mapping[str, float], language: str) -> list[float]:
    """How much *text* says, and of what kind."""
    length = max(count_words(text), 1)
    stems = set(content_stems(text, language))
    weight = sum(rarity.get(stem, 1.0) for stem in stems)
    figures = numbers(text, language)
    return [
        length / 10,
        min(length, 3) / 3,
        len(stems) / 5,
        len(stems) / length,
        weight / 10,
        weight / length,
        bool(figures),
        len(figures) / 3,
        len(names(text, language)) / 2,
        bool(days(text, language)),
        is_question(text),
        sum(word.lower() in stop_words(language) for word in words(text)) / length,
        text[:1].isupper(),
        text.endswith("!"),
    ]


def _stem_counts(texts: Iterable[str], language: str) -> Counter[str]:
    """In how many of *texts* each stem stands."""
    return Counter(stem for text in texts for stem in set(content_stems(text, language)))
