"""Makes minutes follow the briefing: names and terms as they were given, and headings from the agenda."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from schema.minutes.briefing import Briefing
from schema.minutes.minutes import Action, Chapter, Minutes, MinutesItem, changed
from schema.minutes.note import NoteBody
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.spelling import Spelling
from workers.summarize.text.stems import content_stems

LEAST_SHARE = 0.5
"""The share of the words of a point of the agenda that a chapter must have to be about it."""
LEAST_TEXTS = 2
"""Changes that must speak of the point, unless the title of a note does. One may only mention it."""


def spelling_of(briefing: Briefing, language: str) -> Spelling:
    return Spelling(briefing.participants, briefing.vocabulary, language)


def spelled_window(window: Sequence[SpokenSegment], briefing: Briefing, language: str) -> tuple[SpokenSegment, ...]:
    """*window* with names and terms as they were given, so that a writer reads and quotes them so."""
    spelling = spelling_of(briefing, language)
    return tuple(replace(each, text=spelling.spelled(each.text)) for each in window)


def briefed(minutes: Minutes, notes: Iterable[NoteBody], briefing: Briefing, language: str) -> Minutes:
    """*minutes* of *notes* with names and terms as they were given, and with the points of the agenda as headings."""
    headed = _headed(minutes, list(notes), briefing.agenda, language)
    return _spelled(headed, spelling_of(briefing, language))


def _spelled(minutes: Minutes, spelling: Spelling) -> Minutes:
    spell = spelling.spelled

    def spell_item(item: MinutesItem) -> MinutesItem:
        if isinstance(item, Action):
            return replace(item, text=spell(item.text), owner=item.owner and spell(item.owner))
        return replace(item, text=spell(item.text))

    spelled = changed(minutes, spell_item)
    return replace(
        spelled,
        title=spelled.title and spell(spelled.title),
        chapters=tuple(replace(each, title=spell(each.title)) for each in spelled.chapters),
        withdrawn=tuple(
            replace(each, text=spell(each.text), owner=each.owner and spell(each.owner)) for each in spelled.withdrawn
        ),
    )


def _headed(minutes: Minutes, notes: Sequence[NoteBody], agenda: Sequence[str], language: str) -> Minutes:
    if not agenda:
        return minutes
    return replace(minutes, chapters=tuple(_chapter_headed(each, notes, agenda, language) for each in minutes.chapters))


def _chapter_headed(chapter: Chapter, notes: Sequence[NoteBody], agenda: Sequence[str], language: str) -> Chapter:
    mine = [note for note in notes if chapter.first_sample <= note.first_sample < chapter.end_sample]
    titles = frozenset(stem for note in mine for stem in content_stems(note.title, language))
    texts = [frozenset(content_stems(change.text, language)) for note in mine for change in note.changes]
    scored = [(_score(point, titles, texts, language), point) for point in agenda]
    score, point = max(scored, key=lambda each: each[0], default=(0.0, ""))
    return replace(chapter, title=point) if score else chapter


def _score(point: str, titles: frozenset[str], texts: Sequence[frozenset[str]], language: str) -> float:
    """How much a chapter is about *point*, 0 if it is not: the share of its words there, and how often they occur."""
    wanted = frozenset(content_stems(point, language))
    said = titles.union(*texts)
    share = len(wanted & said) / max(len(wanted), 1)
    speaking = sum(bool(wanted & text) for text in texts)
    if share < LEAST_SHARE or not (wanted & titles or speaking >= LEAST_TEXTS):
        return 0.0
    return share + speaking / max(len(texts), 1)
