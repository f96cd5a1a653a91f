"""Notes by models that were trained to write them: T5, mBART and decoder-only models, with or without an adapter."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from schema.core.errors import PromptTooLong
from schema.core.wire import ENGLISH
from schema.core.words import words
from schema.minutes.ledger import ItemKind
from schema.minutes.minutes import Sentence
from workers.summarize.checking.decision_claims import as_heard
from workers.summarize.checking.evidence import Evidence
from workers.summarize.checking.guard import clean, keeps_negation
from workers.summarize.text.due import find_due
from workers.summarize.text.segment import Statement, statements
from workers.summarize.writing.decisions import find_decisions
from workers.summarize.writing.detected import LANGUAGES, DetectedWriter
from workers.summarize.writing.generator import Generator, PromptFormat
from workers.summarize.writing.note_format import LineKind, NoteLine, lines_of, transcript
from workers.summarize.writing.people import find_people
from workers.summarize.writing.rules import RulesWriter
from workers.summarize.writing.writer import Draft, NoteDraft, NoteWriter, WindowTask

_KINDS = {LineKind.POINT: ItemKind.POINT, LineKind.DECISION: ItemKind.DECISION, LineKind.ACTION: ItemKind.ACTION}
_GLUE = """\
The the a an and or but of to in on at by for from with as is are was were be been has have had will not no they them
their it its that this which who because so if until before after than more also would could should can. , ' - ; said
asked told wants needs he she his her team meeting"""
_REPORTED = """\
group members participants meeting discussion presentation ideas issues problems options features requirements results
research work task project current new different other another each both some several two first next final main
discussed presented decided suggested introduced instructed explained described agreed opened closed gave given made
make found felt used use using uses include includes including included needed need should must may when what
which how about between during before instead however since also only one over out up too being having such own
possible necessary further finally yet still regarding their they it its there these those"""


def vocabulary(text: str) -> str:
    """All words that a note of *text* may use, as inside a line and as at its beginning."""
    common = f"{_GLUE} {_REPORTED}"
    starts = {word[0].upper() + word[1:] for word in (*words(text), *words(common))}
    marks = [f"{kind}: " for kind in LineKind if kind]
    return "\n".join([f"{common} {text}", *sorted(starts), *marks, ""])


SUMMARY_TOKENS = 128


class TrainedWriter:
    """Writes notes with a model that was trained to write them.

    Only sentences that the transcript supports stay. English sentences must also keep negations, and may report a
    decision only if somebody is heard deciding. Decisions and tasks of the writer *instead* are added. If nothing of
    the model stays, the whole note is written *instead*.
    """

    def __init__(self, model: Generator, asked: PromptFormat, instead: NoteWriter) -> None:
        self._model = model
        self._asked = asked
        self._instead = instead

    def note(self, task: WindowTask) -> NoteDraft:
        said = statements(task.window)
        quoted = self._instead.note(task)
        written = list(self._supported(said, task))
        if not any(draft.kind is not ItemKind.ACTION for draft in written):
            return replace(quoted, drafts=(*quoted.drafts, *written))
        found = (draft for draft in quoted.drafts if draft.kind in (ItemKind.DECISION, ItemKind.ACTION))
        return NoteDraft(quoted.title, (*written, *found))

    def _supported(self, said: Sequence[Statement], task: WindowTask) -> Iterator[Draft]:
        evidence = Evidence(task.window, task.language)
        people = find_people(said) | task.people
        drafts = _drafts(said, self._model, self._asked, task.language)
        lines = _clean(line for draft in drafts for line in lines_of(draft))
        checked = [(line.kind, evidence.check(line.text)) for line in lines]
        standing = [(kind, sentence) for kind, sentence in checked if sentence.supported]
        if task.language == ENGLISH:
            standing = list(_as_meant(standing, said, evidence))
        for kind, sentence in standing:
            owner = _owner(sentence.text, people) if kind is LineKind.ACTION else None
            due = find_due(sentence.text, task.language) if kind is LineKind.ACTION else None
            yield Draft(_KINDS[kind], sentence.text, owner, due, sentence.evidence)


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
    only = [vocabulary(text)] if asked.language == ENGLISH else []
    try:
        return model.generate(
            [f"{text}{asked.suffix}"], SUMMARY_TOKENS, prefix=asked.instruction, stop=(), only=only, lines_once=True
        )
    except PromptTooLong:
        if len(said) < 2:
            raise
    half = len(said) // 2
    return [*_drafts(said[:half], model, asked, language), *_drafts(said[half:], model, asked, language)]


def _owner(text: str, people: Collection[str]) -> str | None:
    """The person whose name begins the sentence, as written in *people*, or None."""
    named = (
        name for name in sorted(people, key=len, reverse=True) if re.match(rf"(?:the )?{re.escape(name)}\b", text, re.I)
    )
    return next(named, None)


def writer_of(model: Generator | None, language: str, cache_dir: Path) -> NoteWriter:
    """A writer with *model* if it was trained to write notes in *language*, else the embedded one."""
    asked = None if model is None else model.asked
    if model is None or asked is None or asked.language not in (None, language):
        return embedded_writer(language, cache_dir)
    return TrainedWriter(model, asked, embedded_writer(language, cache_dir))


EMBEDDED = "embedded"
"""The name of the writers that need no model but those in packages."""


def embedded_writer(language: str, cache_dir: Path) -> NoteWriter:
    """The best writer of *language* that needs no trained model. *cache_dir* is where models are kept."""
    return _detected(cache_dir) if language in LANGUAGES else RulesWriter()


@cache
def _detected(cache_dir: Path) -> DetectedWriter:
    return DetectedWriter.load(cache_dir)
