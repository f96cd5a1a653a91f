"""The minutes in the order in which people read them, as sections of lines. All exports and the terminal share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from api.export.labels import IN_ENGLISH, Labels
from api.export.phrases import chapter_heading, clock, due_note
from schema.minutes.ledger import ItemKind
from schema.minutes.minutes import Action, Earlier, Minutes, Sentence, Withdrawn, without_gaps
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


def outline(
    minutes: Minutes, start_s_of: StartOf, typed_notes: Sequence[TypedNoteOut] = (), labels: Labels = IN_ENGLISH
) -> list[MinutesSection]:
    """The sections that are not empty: what came out of the meeting first, what people typed, then its chapters."""
    return [section for section in _Outline(start_s_of, labels).sections(minutes, typed_notes) if section.lines]


@dataclass(frozen=True, slots=True)
class _Outline:
    """Writes the lines of minutes with their times, in the language of `labels`."""

    start_s_of: StartOf
    labels: Labels

    def sections(self, minutes: Minutes, typed_notes: Sequence[TypedNoteOut]) -> list[MinutesSection]:
        body, labels = without_gaps(minutes), self.labels
        return [
            MinutesSection(labels.overview, tuple(map(self._sentence, body.overview))),
            *self._headed(body),
            MinutesSection(labels.typed_notes, tuple(map(_typed_note, typed_notes))),
            *(
                MinutesSection(chapter_heading(each), tuple(map(self._sentence, each.sentences)))
                for each in body.chapters
            ),
            MinutesSection(labels.withdrawn, tuple(map(self._withdrawn, body.withdrawn))),
        ]

    def _headed(self, body: Minutes) -> Iterator[MinutesSection]:
        """The sections of the template, then those of the kinds that it has no section for."""
        left = {
            ItemKind.DECISION: MinutesSection(self.labels.decisions, tuple(map(self._sentence, body.decisions))),
            ItemKind.ACTION: MinutesSection(self.labels.actions, tuple(map(self._action, _by_owner(body.actions)))),
            ItemKind.QUESTION: MinutesSection(self.labels.questions, tuple(map(self._sentence, body.questions))),
        }
        for section in body.sections:
            kind = left.pop(section.kind, None) if section.kind else None
            lines = tuple(map(self._sentence, section.sentences)) if kind is None else kind.lines
            yield MinutesSection(section.heading, lines)
        yield from left.values()

    def _sentence(self, sentence: Sentence) -> MinutesLine:
        note = _note(self._before(sentence), self._times(sentence.evidence))
        return MinutesLine(sentence.text, note=note, supported=sentence.supported)

    def _action(self, action: Action) -> MinutesLine:
        done = self.labels.done if action.done else ""
        due = due_note(action, self.labels)
        note = _note(due, done, self._before(action), self._times(action.evidence))
        # A text that begins with its owner names the owner only once.
        names = action.owner is not None and action.text.startswith(f"{action.owner} ")
        text = action.text.removeprefix(action.owner or "").strip() if names else action.text
        return MinutesLine(text, action.owner or self.labels.nobody, not names, note, action.supported)

    def _withdrawn(self, item: Withdrawn) -> MinutesLine:
        said, by = self._times(item.evidence), self._times(item.by)
        return MinutesLine(item.text, note=_note(said, self.labels.back.format(by) if by else ""))

    def _before(self, item: Sentence | Action) -> str:
        """What the item said before the meeting changed it last."""
        if not item.earlier:
            return ""
        last: Earlier = item.earlier[-1]
        told = last.text.rstrip(".")
        if isinstance(item, Action) and last.text == item.text:
            handed = last.owner != item.owner
            told = last.owner or self.labels.nobody if handed else last.due or self.labels.no_time
        return self.labels.before.format(told)

    def _times(self, evidence: Sequence[int]) -> str:
        known = sorted({time for key in evidence if (time := self.start_s_of(key)) is not None})
        return ", ".join(dict.fromkeys(map(clock, known)))


def _by_owner(actions: Sequence[Action]) -> list[Action]:
    """The tasks of each person together, in the order in which the people appear. Tasks of nobody come last."""
    owners = list(dict.fromkeys(action.owner for action in actions if action.owner))
    return sorted(actions, key=lambda action: owners.index(action.owner) if action.owner else len(owners))


def _typed_note(note: TypedNoteOut) -> MinutesLine:
    """The note as the person typed it, with its moment."""
    return MinutesLine(note.text, note.person or "", colon=True, note=f"({clock(note.at_s)})")


def _note(*parts: str) -> str:
    told = "; ".join(filter(None, parts))
    return f"({told})" if told else ""
