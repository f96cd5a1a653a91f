"""The minutes in the order in which people read them, as sections of lines. All exports and the terminal share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from api.export.phrases import NOBODY, chapter_heading, clock, due_note
from schema.minutes.minutes import Action, Chapter, Earlier, Minutes, Sentence, Withdrawn, without_gaps
from schema.typed_notes.wire import TypedNoteOut

StartOf = Callable[[int], float | None]
"""The second at which a segment begins, None if it is not known."""


@dataclass(frozen=True, slots=True)
class MinutesLine:
    """A line: the owner of a task, then `text`, then `note`, and a mark if the line is not supported.

    `colon` tells whether a colon stands between owner and text. Without it they are one sentence.
    """

    text: str
    owner: str = ""
    colon: bool = False
    note: str = ""
    supported: bool = True


@dataclass(frozen=True, slots=True)
class MinutesSection:
    heading: str
    lines: tuple[MinutesLine, ...]


def outline(minutes: Minutes, start_s_of: StartOf, typed_notes: Sequence[TypedNoteOut] = ()) -> list[MinutesSection]:
    """The sections that are not empty: what came out of the meeting first, what people typed, then its chapters."""
    body = without_gaps(minutes)
    sections = [
        _section("Overview", (_sentence(each, start_s_of) for each in body.overview)),
        _section("Decisions", (_sentence(each, start_s_of) for each in body.decisions)),
        _section("Actions", (_action(each, start_s_of) for each in _by_owner(body.actions))),
        _section("Open questions", (_sentence(each, start_s_of) for each in body.questions)),
        _section("Typed notes", map(_typed_note, typed_notes)),
        *(_chapter(each, start_s_of) for each in body.chapters),
        _section("Withdrawn", (_withdrawn(each, start_s_of) for each in body.withdrawn)),
    ]
    return [section for section in sections if section.lines]


def _chapter(chapter: Chapter, start_s_of: StartOf) -> MinutesSection:
    return _section(chapter_heading(chapter), (_sentence(each, start_s_of) for each in chapter.sentences))


def _section(heading: str, lines: Iterator[MinutesLine]) -> MinutesSection:
    return MinutesSection(heading, tuple(lines))


def _by_owner(actions: Sequence[Action]) -> list[Action]:
    """The tasks of each person together, in the order in which the people appear. Tasks of nobody come last."""
    owners = list(dict.fromkeys(action.owner for action in actions if action.owner))
    return sorted(actions, key=lambda action: owners.index(action.owner) if action.owner else len(owners))


def _sentence(sentence: Sentence, start_s_of: StartOf) -> MinutesLine:
    note = _note(_before(sentence), _times(sentence.evidence, start_s_of))
    return MinutesLine(sentence.text, note=note, supported=sentence.supported)


def _action(action: Action, start_s_of: StartOf) -> MinutesLine:
    done = "done" if action.done else ""
    note = _note(due_note(action), done, _before(action), _times(action.evidence, start_s_of))
    # A text that begins with its owner names the owner only once.
    names = action.owner is not None and action.text.startswith(f"{action.owner} ")
    text = action.text.removeprefix(action.owner or "").strip() if names else action.text
    return MinutesLine(text, action.owner or NOBODY, not names, note, action.supported)


def _typed_note(note: TypedNoteOut) -> MinutesLine:
    """The note as the person typed it, with its moment."""
    return MinutesLine(note.text, note.person or "", colon=True, note=f"({clock(note.at_s)})")


def _withdrawn(item: Withdrawn, start_s_of: StartOf) -> MinutesLine:
    said, by = _times(item.evidence, start_s_of), _times(item.by, start_s_of)
    return MinutesLine(item.text, note=_note(said, f"taken back at {by}" if by else ""))


def _before(item: Sentence | Action) -> str:
    """What the item said before the meeting changed it last."""
    if not item.earlier:
        return ""
    last: Earlier = item.earlier[-1]
    if isinstance(item, Action) and last.text == item.text:
        return f"before: {last.owner or NOBODY}" if last.owner != item.owner else f"before: {last.due or 'no time'}"
    return f"before: {last.text.rstrip('.')}"


def _times(evidence: Sequence[int], start_s_of: StartOf) -> str:
    known = sorted({time for key in evidence if (time := start_s_of(key)) is not None})
    return ", ".join(dict.fromkeys(map(clock, known)))


def _note(*parts: str) -> str:
    told = "; ".join(filter(None, parts))
    return f"({told})" if told else ""
