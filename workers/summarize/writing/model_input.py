"""What a model that was trained to write notes is given to read, in training as in a worker: a line for each turn.

Anna: The supplier raised the price of the screws. We need another offer.
Ben: I will ask two others by Friday.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from workers.summarize.text.disfluency import fluent
from workers.summarize.text.segment import Statement
from workers.summarize.text.words import content_stems, count_words

_AGREEING_WORDS = 3
"""The most words of a sentence that is left out when none of them carries meaning: `Yeah, okay.`"""


def transcript(said: Sequence[Statement]) -> str:
    """*said* without hesitations and mere assent, each turn behind the name of its speaker where that is known."""
    pairs = [(statement.speaker, fluent(statement.text)) for statement in said]
    telling = [pair for pair in pairs if content_stems(pair[1]) or count_words(pair[1]) > _AGREEING_WORDS]
    turns = groupby(telling or pairs, key=lambda pair: pair[0])
    return "\n".join(_line(speaker, " ".join(text for _, text in turn)) for speaker, turn in turns)


def _line(speaker: str | None, text: str) -> str:
    return f"{speaker}: {text}" if speaker else text
