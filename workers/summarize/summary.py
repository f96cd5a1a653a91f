"""Summaries by models that were trained to write them: encoder–decoder models such as T5 and mBART."""

from __future__ import annotations

from collections.abc import Sequence

from schema.errors import PromptTooLong
from schema.minutes import Sentence
from workers.summarize.evidence import Evidence
from workers.summarize.guard import clean
from workers.summarize.merge import merge_sentences
from workers.summarize.model import Generator
from workers.summarize.segment import Statement
from workers.summarize.sentences import split_sentences

INSTRUCTION = "summarize: "
SUMMARY_TOKENS = 96


def summarise(said: Sequence[Statement], evidence: Evidence, model: Generator) -> tuple[Sentence, ...]:
    """The supported sentences of the model's summary of *said*; empty when none is supported."""
    drafts = [text for draft in _drafts(said, model) for text in split_sentences(draft)]
    texts = [text for text in (clean(draft) for draft in drafts) if text is not None]
    checked = (evidence.check(text) for text in texts)
    return merge_sentences(sentence for sentence in checked if sentence.supported)


def _drafts(said: Sequence[Statement], model: Generator) -> list[str]:
    """The summary of *said*, in halves as long as the model cannot read it at once."""
    lines = [f"{statement.speaker}: {statement.text}" if statement.speaker else statement.text for statement in said]
    try:
        return model.generate(["\n".join(lines)], SUMMARY_TOKENS, prefix=INSTRUCTION, stop=())
    except PromptTooLong:
        if len(said) < 2:
            raise
    half = len(said) // 2
    return [*_drafts(said[:half], model), *_drafts(said[half:], model)]
