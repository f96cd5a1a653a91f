"""Minutes in another language than the meeting's: what can be checked, and whether they are in that language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from schema.minutes.briefing import Briefing
from schema.minutes.ledger import Change
from schema.minutes.minutes import Minutes
from schema.minutes.note import NoteBody
from workers.summarize.checking.evidence import CONTRADICTED, SUPPORTED_FROM
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.writer import Draft


def translated(draft: Draft, window: Sequence[SpokenSegment], language: str, written_in: str) -> Change:
    """*draft*, written in *written_in* about a window in *language*, with its support.

    The words of a translation are not in its evidence, so only its numbers are compared. Its support is therefore the
    least with which a sentence counts as supported, or that of a contradicted one.
    """
    said = " ".join(each.text for each in window if each.id in draft.evidence)
    supported = bool(draft.evidence) and numbers(draft.text, written_in) <= numbers(said, language)
    return Change(
        change=draft.change,
        item=draft.item or "",
        kind=draft.kind,
        text=draft.text,
        owner=draft.owner,
        due=draft.due,
        evidence=draft.evidence,
        support=SUPPORTED_FROM if supported else CONTRADICTED,
        supported=supported,
        section=draft.section,
    )


def written_language(notes: Iterable[NoteBody], language: str) -> str:
    """The language of all *notes* of a meeting in *language*: another one only if none of them is in the meeting's."""
    found = {note.language or language for note in notes if note.changes}
    return found.pop() if len(found) == 1 else language


def in_wanted_language(minutes: Minutes, notes: Sequence[NoteBody], briefing: Briefing, language: str) -> Minutes:
    """*minutes* of *notes*, which say whether they are in the language that was asked for."""
    wanted = briefing.minutes_language
    if wanted is None or not any(note.changes for note in notes):
        return minutes
    if written_language(notes, language) == wanted:
        return replace(minutes, language=wanted)
    return replace(minutes, wanted_language=wanted)
