"""The final minutes: rules name the meeting and its chapters, and a writer who can does it better and sums it up.

What a writer says about a whole meeting is checked like its notes. What the transcript does not carry is left out, and
then the title and the overview of the rules stand.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from schema.minutes.minutes import Chapter, Minutes, Sentence, parts
from schema.minutes.note import NoteBody
from workers.summarize.checking.evidence import Evidence
from workers.summarize.checking.guard import is_clean
from workers.summarize.notes import notes_of
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.stems import content_stems
from workers.summarize.text.topics import topic
from workers.summarize.views import minutes_of_notes
from workers.summarize.writing.writer import FinalDraft, FinalTask, FinalWriter, NoteWriter

log = logging.getLogger(__name__)

OVERVIEW_LIMIT = 4
TITLE_LIMIT = 100


def minutes_of(
    segments: Sequence[SpokenSegment], writer: NoteWriter, final: FinalWriter | None = None, *, language: str
) -> Minutes:
    """The final minutes of a whole meeting as a worker writes them."""
    return final_minutes(notes_of(segments, writer, language=language), segments, final, language=language)


def final_minutes(
    notes: Iterable[NoteBody], segments: Sequence[SpokenSegment], writer: FinalWriter | None, *, language: str
) -> Minutes:
    """The minutes after all *notes* of a meeting that has ended. *segments* is its transcript, which *writer* may read.

    A meeting without any item is not shown to a writer, because there is nothing to sum up.
    """
    minutes = minutes_of_notes(notes, language)
    texts = list(dict.fromkeys(item.text for _, item in parts(minutes)))
    people = {action.owner for action in minutes.actions if action.owner}
    minutes = replace(minutes, title=topic(texts, language, people) or None)
    if writer is None or not texts:
        return minutes
    draft = writer.final(FinalTask(minutes, segments, language))
    return _written(minutes, draft, segments, language)


def _written(minutes: Minutes, draft: FinalDraft, segments: Sequence[SpokenSegment], language: str) -> Minutes:
    """*minutes* with what of *draft* the transcript carries."""
    if draft.fell_back is not None:
        return replace(minutes, fell_back=draft.fell_back)
    heard = _Heard(segments, language)
    overview = tuple(heard.carried(draft))
    if not overview and draft.author is not None:
        reason = f"{draft.author}: the transcript carries no sentence of its overview"
        log.warning("%s", reason)
        return replace(minutes, fell_back=reason)
    overview = overview or minutes.overview
    chapters = tuple(_titled(each, draft.chapter_titles.get(at), heard) for at, each in enumerate(minutes.chapters))
    title = draft.title if heard.may_head(draft.title) else minutes.title
    return replace(minutes, title=title, overview=overview, chapters=chapters, written_by=draft.author)


def _titled(chapter: Chapter, title: str | None, heard: _Heard) -> Chapter:
    return replace(chapter, title=title) if title and heard.may_head(title) else chapter


class _Heard:
    """What was said in a meeting."""

    def __init__(self, segments: Sequence[SpokenSegment], language: str) -> None:
        self._language = language
        self._evidence = Evidence(segments, language)
        text = "\n".join(segment.text for segment in segments)
        self._stems = frozenset(content_stems(text, language))
        self._numbers = numbers(text, language)

    def carried(self, draft: FinalDraft) -> Iterable[Sentence]:
        """The sentences of the overview that the transcript supports, at most OVERVIEW_LIMIT."""
        checked = (self._evidence.check(each.text, each.evidence or None) for each in draft.overview[:OVERVIEW_LIMIT])
        return (sentence for sentence in checked if sentence.supported and is_clean(sentence.text))

    def may_head(self, title: str) -> bool:
        """Whether *title* is fit to print, has a word that was said, and no number that was not."""
        said = not self._stems.isdisjoint(content_stems(title, self._language))
        plain = is_clean(title) and len(title) <= TITLE_LIMIT
        return plain and said and numbers(title, self._language) <= self._numbers
