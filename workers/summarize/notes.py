"""Makes the note of one window: a writer drafts it, the transcript must support it, and the ledger takes it in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from schema.minutes.briefing import Briefing
from schema.minutes.ledger import Item, ItemKind, ItemState, ledger
from schema.minutes.note import NoteBody
from schema.templates.template import Template
from workers.summarize.briefing import spelled_window
from workers.summarize.checking.window_check import WindowCheck
from workers.summarize.guidance import TypedLine, guided, typed_near
from workers.summarize.output_language import translated
from workers.summarize.reconcile import changes_of
from workers.summarize.text.salience import overlap
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.stems import content_stems
from workers.summarize.windows import windows_of
from workers.summarize.writing.writer import NoteWriter, WindowTask

ITEMS_LIMIT = 24
"""Open items that a writer is shown with a window. So what a model reads stays bounded."""


def notes_of(segments: Sequence[SpokenSegment], writer: NoteWriter, *, language: str) -> list[NoteBody]:
    """One note for each window of a meeting."""
    notes: list[NoteBody] = []
    for window in windows_of(segments):
        notes.append(note_of(window, writer, notes, language=language))
    return notes


def note_of(
    window: Sequence[SpokenSegment],
    writer: NoteWriter,
    earlier: Iterable[NoteBody] = (),
    *,
    language: str,
    briefing: Briefing | None = None,
    typed: Iterable[TypedLine] = (),
    template: Template | None = None,
) -> NoteBody:
    """The note of *window*, which must not be empty, after the *earlier* notes of its meeting."""
    briefing = briefing or Briefing()
    window = spelled_window(window, briefing, language)
    items = ledger(change for note in in_order(earlier) for change in note.changes)
    named = (*(item.owner for item in items.values()), *(segment.speaker for segment in window))
    near = typed_near(typed, window)
    people = frozenset(filter(None, (*named, *briefing.names)))
    task = WindowTask(window, language, people, open_items(items.values(), window, language), briefing, near, template)
    written = writer.note(task)
    if written.language is None:
        check = WindowCheck(window, people, language)
        changes = changes_of(check.changes(guided(written.drafts, near, window, language)), items, language)
        touched = {change.item for change in changes}
        changes = (*changes, *check.taken_back(item for item in task.items if item.id not in touched))
    else:
        found = [translated(draft, window, language, written.language) for draft in written.drafts]
        changes = changes_of(found, items, written.language)
    return NoteBody(
        first_sample=min(segment.first_sample for segment in window),
        end_sample=max(segment.end_sample for segment in window),
        title=written.title,
        changes=changes,
        written_by=written.author,
        fell_back=written.fell_back,
        language=written.language,
    )


def in_order(notes: Iterable[NoteBody]) -> list[NoteBody]:
    return sorted(notes, key=lambda note: note.first_sample)


def open_items(items: Collection[Item], window: Sequence[SpokenSegment], language: str) -> tuple[Item, ...]:
    """The open items that *window* speaks of most, in their order, at most ITEMS_LIMIT."""
    standing = [item for item in items if item.state is ItemState.OPEN and item.kind is not ItemKind.POINT]
    said = frozenset(stem for segment in window for stem in content_stems(segment.text, language))
    close = sorted(
        range(len(standing)),
        key=lambda at: (-overlap(frozenset(content_stems(standing[at].text, language)), said), -at),
    )
    return tuple(standing[at] for at in sorted(close[:ITEMS_LIMIT]))
