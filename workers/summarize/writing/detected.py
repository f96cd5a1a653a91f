"""Writes notes in two steps: a detector finds the lines that carry something, and a model writes the item they carry.

So a small model never reads more than a few lines. It may also answer that they carry nothing. Decisions are quoted.
English phrases of deciding and promising are found by rules as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from schema.core.errors import PromptTooLong
from schema.core.sentences import split_sentences
from schema.core.wire import ENGLISH
from schema.core.words import count_words, words
from schema.minutes.ledger import ItemKind
from schema.minutes.minutes import Action, Minutes, Sentence
from workers.summarize.checking.guard import is_clean
from workers.summarize.detection.detector import Detector, FoundItem
from workers.summarize.text.disfluency import fluent, without_sure_lead_in
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment, statements
from workers.summarize.text.stems import content_stems
from workers.summarize.writing.generator import Generator, PromptFormat
from workers.summarize.writing.item_format import (
    CONTEXT_LINES,
    ITEM_TOKENS,
    NONE,
    OUTLINE_ITEMS,
    OVERVIEW,
    OVERVIEW_TOKENS,
    PART,
    TITLE,
    UNKNOWN,
    WrittenItem,
    item_prompt,
    outline_prompt,
    read_item,
)
from workers.summarize.writing.people import find_people
from workers.summarize.writing.rules import decisions_and_tasks, title_of
from workers.summarize.writing.writer import Draft, FinalDraft, FinalTask, NoteDraft, OverviewDraft, WindowTask

POINTS_LIMIT = 4
"""Facts of one window. The surest stay."""
QUOTED_WORDS = 28
"""The main line of a decision and further lines are joined up to so many words."""
BATCH = 8
"""Items that the model writes at once."""
_MARKS = ".,;:?!'’-%€"
"""Marks that may follow a word."""
_FIRST_PERSON = re.compile(
    r"\b(?:I|me|my|ich|mir|mich|je|moi|yo|me|mí|mach|kümmere|hago|miro|llamo|mando)\b|\bj['’]", re.I
)
_NAMED, _SAYS_I, _WRITTEN, _SPEAKS, _LAST = 1.1, 1.0, 0.7, 0.3, 0.2
"""Weights in the vote on an owner: who is named by another, says `I`, was named by the model, speaks, speaks last.

On the training meetings the vote without the model finds 93 % of the owners from the lines that carry the tasks.
"""


class DetectedWriter:
    """*model* was trained to write one item of the minutes, and is asked as *asked* says."""

    def __init__(self, detector: Detector, model: Generator, asked: PromptFormat) -> None:
        self._detector = detector
        self._model = model
        self._asked = asked

    def note(self, task: WindowTask) -> NoteDraft:
        people = _people(task)
        found = _surest(self._detector.find(task.window, people))
        written = [_draft(item, text, task.window, people) for item, text in self._texts(found, task)]
        drafts = (*written, *_missed(written, task))
        return NoteDraft(self._title(drafts, task), drafts)

    def _texts(self, found: Sequence[FoundItem], task: WindowTask) -> Iterator[tuple[FoundItem, WrittenItem]]:
        """What *found* say. Of what the model writes, that stays which is fit to print. Decisions are quoted, and so is
        what the model cannot read at once.
        """
        asked = [item for item in found if item.kind is not ItemKind.DECISION]
        prompts = [_prompt(item, task.window) for item in asked]
        answers = dict(zip(asked, self._generated(prompts, task.language), strict=True))
        for item in found:
            answer = answers.get(item, "")
            written = read_item(answer, item.kind) if answer else WrittenItem(_quoted(item, task))
            if written is not None and (not answer or is_clean(written.text)):
                yield item, written

    def final(self, task: FinalTask) -> FinalDraft:
        """A title and an overview from the decisions, tasks and questions, and chapter titles from the points."""
        items = _told(task.minutes)
        chapters = {at: chapter.sentences for at, chapter in enumerate(task.minutes.chapters) if chapter.sentences}
        points = [[(ItemKind.POINT, point.text) for point in told[:OUTLINE_ITEMS]] for told in chapters.values()]
        headed = ([items] if items else []) + points
        titles = self._generated([outline_prompt(each, TITLE) for each in headed], task.language)
        overview = self._generated([outline_prompt(items, OVERVIEW)] if items else [], task.language, OVERVIEW_TOKENS)
        return FinalDraft(
            title=titles.pop(0) if items else "",
            overview=tuple(OverviewDraft(each) for text in overview for each in split_sentences(text)),
            chapter_titles=dict(zip(chapters, titles, strict=True)),
        )

    def _title(self, drafts: Sequence[Draft], task: WindowTask) -> str:
        asked = outline_prompt(((draft.kind, draft.text) for draft in drafts), TITLE)
        title = self._generated([asked], task.language)[0] if drafts else ""
        return title or title_of(statements(task.window), task)

    def _generated(self, prompts: Sequence[str], language: str, tokens: int = ITEM_TOKENS) -> list[str]:
        batches = (prompts[at : at + BATCH] for at in range(0, len(prompts), BATCH))
        return [answer.strip() for batch in batches for answer in self._batch(batch, language, tokens)]

    def _batch(self, prompts: Sequence[str], language: str, tokens: int) -> list[str]:
        """The answers to *prompts*; empty ones to those that are too long for the model."""
        common = self._asked.words
        only = [_vocabulary(prompt, common, language) for prompt in prompts] if common else []
        try:
            return self._model.generate(prompts, tokens, prefix=self._asked.instruction, only=only)
        except PromptTooLong:
            if len(prompts) == 1:
                return [""]
        return [answer for prompt in prompts for answer in self._batch([prompt], language, tokens)]


def _told(minutes: Minutes) -> list[tuple[ItemKind, str]]:
    """The kind and the text of the decisions, tasks and questions, supported ones first, at most OUTLINE_ITEMS."""
    items: list[tuple[ItemKind, Sentence | Action]] = [
        *((ItemKind.DECISION, each) for each in minutes.decisions),
        *((ItemKind.ACTION, each) for each in minutes.actions),
        *((ItemKind.QUESTION, each) for each in minutes.questions),
    ]
    surest = sorted(range(len(items)), key=lambda at: not items[at][1].supported)[:OUTLINE_ITEMS]
    return [(items[at][0], items[at][1].text) for at in sorted(surest)]


def _vocabulary(prompt: str, common: str, language: str) -> str:
    """The words of *prompt*, also as they begin a sentence, its numbers in digits, and the *common* words.

    They are separated by spaces, because in most vocabularies a word after a space is another token than one without.
    """
    starts = (f"{word[0].upper()}{word[1:]}" for word in dict.fromkeys(words(prompt)))
    others = (*common.split(), *starts, *sorted(numbers(prompt, language)), NONE, UNKNOWN, PART.strip())
    return " ".join([prompt, *others, *(f"{NONE}{mark}" for mark in _MARKS)])


def _people(task: WindowTask) -> frozenset[str]:
    """Where speakers are known, they are the people. Names that are only mentioned are guesses."""
    speakers = frozenset(line.speaker for line in task.window if line.speaker)
    return speakers | task.people if speakers else find_people(statements(task.window)) | task.people


def _surest(found: Sequence[FoundItem]) -> list[FoundItem]:
    """*found* with the surest points only."""
    points = sorted((item for item in found if item.kind is ItemKind.POINT), key=lambda item: -item.probability)
    return [item for item in found if item.kind is not ItemKind.POINT or item in points[:POINTS_LIMIT]]


def _missed(written: Iterable[Draft], task: WindowTask) -> Iterator[Draft]:
    """What English phrases of deciding and promising mark, in lines of which nothing of that kind is written."""
    taken = {(draft.kind, key) for draft in written for key in draft.evidence}
    for draft in decisions_and_tasks(statements(task.window), task):
        if taken.isdisjoint((draft.kind, key) for key in draft.evidence):
            yield draft


def _prompt(item: FoundItem, window: Sequence[SpokenSegment]) -> str:
    first, last = min(item.lines), max(item.lines)
    lines = window[max(first - CONTEXT_LINES, 0) : last + CONTEXT_LINES + 1]
    return item_prompt(lines, {window[at].id for at in item.lines}, item.kind)


def _draft(item: FoundItem, written: WrittenItem, window: Sequence[SpokenSegment], people: frozenset[str]) -> Draft:
    lines = [window[at] for at in item.lines]
    is_task = item.kind is ItemKind.ACTION
    return Draft(
        kind=item.kind,
        text=written.text,
        owner=owner_of(lines, people, _known(written.owner, people)) if is_task else None,
        due=_heard(written.due, lines) if is_task else None,
        evidence=tuple(dict.fromkeys(line.id for line in lines)),
    )


def _quoted(item: FoundItem, task: WindowTask) -> str:
    """The main line, and of the other lines what adds words that carry meaning.

    What was decided lies in several lines, of which a small model makes something else.
    """
    main = task.window[item.main]
    texts = {item.main: _without_hesitation(main, task.language)}
    known = set(content_stems(main.text, task.language))
    total = count_words(texts[item.main])
    for at in sorted(item.lines, key=lambda at: abs(at - item.main)):
        line = task.window[at]
        new = set(content_stems(line.text, task.language)) - known
        text = _without_hesitation(line, task.language)
        if at == item.main or len(new) < 2 or total + count_words(text) > QUOTED_WORDS:
            continue
        texts[at] = text
        known |= new
        total += count_words(text)
    return " ".join(texts[at] for at in sorted(texts))


def _without_hesitation(line: SpokenSegment, language: str) -> str:
    if language != ENGLISH:
        return " ".join(line.text.split())
    sentences = (without_sure_lead_in(fluent(sentence)).strip(" ,") for sentence in split_sentences(line.text))
    told = " ".join(f"{sentence[0].upper()}{sentence[1:]}" for sentence in sentences if sentence)
    return told or " ".join(line.text.split())


def _known(owner: str | None, people: Iterable[str]) -> str | None:
    """*owner* as written in *people*, or None if it is nobody of them."""
    return next((name for name in people if owner and name.casefold() == owner.casefold()), None)


def _heard(due: str | None, lines: Iterable[SpokenSegment]) -> str | None:
    """*due* if somebody said it in *lines*, since a due time quotes the meeting."""
    said = " ".join(" ".join(line.text.split()) for line in lines).casefold()
    return due if due and due.casefold() in said else None


def owner_of(lines: Sequence[SpokenSegment], people: frozenset[str], written: str | None = None) -> str | None:
    """Who does what *lines* say: who is asked by name, or who says `I`, or whom the model named, *written*.

    None if no speaker and no name is known.
    """
    votes: dict[str, float] = {written: _WRITTEN} if written else {}
    for name, weight in _votes(lines, people):
        votes[name] = votes.get(name, 0.0) + weight
    return max(votes, key=lambda name: votes[name], default=None)


def _votes(lines: Sequence[SpokenSegment], people: frozenset[str]) -> Iterator[tuple[str, float]]:
    yield from ((name, _SPEAKS) for name in dict.fromkeys(line.speaker for line in lines) if name)
    if lines and lines[-1].speaker:
        yield lines[-1].speaker, _LAST
    for line in lines:
        if line.speaker and _FIRST_PERSON.search(line.text):
            yield line.speaker, _SAYS_I
        for name in people:
            if name != line.speaker and re.search(rf"\b{re.escape(name)}\b", line.text):
                yield name, _NAMED
