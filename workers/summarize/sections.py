"""Puts minutes into the sections of a template."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from schema.minutes.ledger import Item, ItemKind, ItemState, ledger
from schema.minutes.minutes import Chapter, HeadedSection, Minutes
from schema.minutes.note import NoteBody
from schema.templates.template import Template, TemplateSection
from workers.summarize.notes import in_order
from workers.summarize.views import best, sentence_of


def arranged(minutes: Minutes, notes: Iterable[NoteBody], template: Template, language: str) -> Minutes:
    """*minutes* of *notes* in the sections of *template*, with headings in *language*.

    Points that a writer put into a section leave their chapters. Rules and the embedded writer put points into none.
    """
    if not template.sections:
        return minutes
    items = ledger(change for note in in_order(notes) for change in note.changes).values()
    points = [item for item in items if item.kind is ItemKind.POINT and item.state is ItemState.OPEN]
    placed = [item for item in points if item.section in template.point_sections]
    return replace(
        minutes,
        sections=tuple(_section(section, placed, language) for section in template.sections),
        chapters=tuple(_without(chapter, {item.id for item in placed}) for chapter in minutes.chapters),
    )


def _section(section: TemplateSection, placed: Iterable[Item], language: str) -> HeadedSection:
    mine = [sentence_of(item) for item in placed if section.kind is None and item.section == section.name]
    return HeadedSection(section.heading_in(language), section.kind, best(mine, section.limit, language))


def _without(chapter: Chapter, placed: set[str]) -> Chapter:
    return replace(chapter, sentences=tuple(each for each in chapter.sentences if each.id not in placed))
