"""Notes by models that were trained to write them: T5, mBART and decoder-only models, with or without an adapter."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from schema.core.errors import PromptTooLong
from schema.core.wire import ENGLISH
from schema.core.words import words
from schema.meetings.minutes import Action, Sentence
from workers.summarize.checking.decision_claims import as_heard
from workers.summarize.checking.evidence import Evidence
from workers.summarize.checking.guard import clean, keeps_negation
from workers.summarize.text.due import find_due
from workers.summarize.text.segment import Statement
from workers.summarize.writing.decisions import find_decisions
from workers.summarize.writing.generator import Generator, PromptFormat
from workers.summarize.writing.merge import merge_actions, merge_decisions, merge_sentences
from workers.summarize.writing.note_format import LineKind, NoteLine, lines_of, transcript
from workers.summarize.writing.prompts import GLUE

_REPORTED = """\
group members participants meeting discussion presentation ideas issues problems options features requirements results
research work task project current new different other another each both some several two first next final main
discussed presented decided suggested introduced instructed explained described agreed opened closed gave given made
make found felt used use using uses include includes including included needed need should must may when what
which how about between during before instead however since also only one over out up too being having such own
possible necessary further finally yet still regarding their they it its there these those"""


def vocabulary(text: str) -> str:
    """All words that a note of *text* may use, as inside a line and as at its beginning."""
    common = f"{GLUE} {_REPORTED}"
    starts = {word[0].upper() + word[1:] for word in (*words(text), *words(common))}
    marks = [f"{kind}: " for kind in LineKind if kind]
    return "\n".join([f"{common} {text}", *sorted(starts), *marks, ""])


SUMMARY_TOKENS = 128


@dataclass(frozen=True, slots=True)
class SupportedNote:
    """The sentences of a model's note that the transcript supports."""

    sentences: tuple[Sentence, ...] = ()
    decisions: tuple[Sentence, ...] = ()
    actions: tuple[Action, ...] = ()


def summarise(
    said: Sequence[Statement],
    evidence: Evidence,
    model: Generator,
    asked: PromptFormat,
    people: Collection[str] = (),
) -> SupportedNote:
    """Have *model* write a note on *said*, with the prompt format *asked*, and keep the supported sentences.

    *people* may own a task. English sentences must also keep negations, and may report a decision only if somebody is
    heard deciding.
    """
    language = evidence.language
    lines = list(_clean(line for draft in _drafts(said, model, asked, language) for line in lines_of(draft)))
    checked = [(line.kind, evidence.check(line.text)) for line in lines]
    standing = [(kind, sentence) for kind, sentence in checked if sentence.supported]
    if language == ENGLISH:
        standing = list(_as_meant(standing, said, evidence))
    return SupportedNote(
        merge_sentences((sentence for kind, sentence in standing if kind is LineKind.POINT), language),
        merge_decisions((sentence for kind, sentence in standing if kind is LineKind.DECISION), language),
        merge_actions((_action(sentence, people) for kind, sentence in standing if kind is LineKind.ACTION), language),
    )


def _as_meant(
    standing: Sequence[tuple[LineKind, Sentence]], said: Sequence[Statement], evidence: Evidence
) -> Iterator[tuple[LineKind, Sentence]]:
    deciding = tuple(dict.fromkeys(key for at in find_decisions(said) for key in said[at].segments))
    for kind, sentence in standing:
        heard = as_heard(kind, sentence, evidence, deciding)
        if heard is None:
            continue
        # `Discussed whether` neither asserts nor denies, so a reworded sentence cannot lose a negation.
        retold = heard[1].text != sentence.text
        if retold or keeps_negation(heard[1].text, _carrying(heard[1], said)):
            yield heard


def _carrying(sentence: Sentence, said: Sequence[Statement]) -> list[str]:
    """The statements that overlap the segments that *sentence* rests on."""
    return [statement.text for statement in said if not set(statement.segments).isdisjoint(sentence.evidence)]


def _clean(lines: Iterator[NoteLine]) -> Iterator[NoteLine]:
    for line in lines:
        text = clean(line.text)
        if text is not None:
            yield NoteLine(line.kind, text)


def _drafts(said: Sequence[Statement], model: Generator, asked: PromptFormat, language: str) -> list[str]:
    """The note on *said*. It is halved until the model can read each part at once."""
    text = transcript(said, language)
    only = vocabulary(text) if asked.language == ENGLISH else ""
    try:
        return model.generate(
            [f"{text}{asked.suffix}"], SUMMARY_TOKENS, prefix=asked.instruction, stop=(), only=only, lines_once=True
        )
    except PromptTooLong:
        if len(said) < 2:
            raise
    half = len(said) // 2
    return [*_drafts(said[:half], model, asked, language), *_drafts(said[half:], model, asked, language)]


def _action(sentence: Sentence, people: Collection[str]) -> Action:
    return Action(
        sentence.text,
        _owner(sentence.text, people),
        find_due(sentence.text),
        sentence.evidence,
        sentence.support,
        sentence.supported,
    )


def _owner(text: str, people: Collection[str]) -> str | None:
    """The person whose name begins the sentence, as written in *people*, or None."""
    named = (
        name for name in sorted(people, key=len, reverse=True) if re.match(rf"(?:the )?{re.escape(name)}\b", text, re.I)
    )
    return next(named, None)
