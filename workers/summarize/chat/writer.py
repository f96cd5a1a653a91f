"""Writes minutes with a model that answers in a chat. Whatever it answers, an item of minutes comes out, or nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from schema.minutes.ledger import ChangeKind, Item
from schema.templates.template import Template
from workers.summarize.chat.answers import (
    AnsweredChange,
    AnsweredFinal,
    AnsweredNote,
    AnyAnswer,
    SectionedChange,
    SectionedNote,
    read_answer,
)
from workers.summarize.chat.final_prompt import MINUTES_OF_MEETING, ShownMinutes, shown_minutes, shown_transcript
from workers.summarize.chat.model import ChatModel, ChatUnavailable, Message, estimated_tokens
from workers.summarize.chat.prompts import (
    AGAIN,
    BRIEFED,
    GUIDED,
    MINUTES_OF_WINDOW,
    labels,
    shown_briefing,
    shown_items,
    shown_lines,
    shown_notes,
    template_rules,
)
from workers.summarize.writing.writer import (
    Draft,
    FinalDraft,
    FinalTask,
    NoteDraft,
    NoteWriter,
    OverviewDraft,
    WindowTask,
)

log = logging.getLogger(__name__)

NOTE_TOKENS = 1500
FINAL_TOKENS = 1000
_NEW = (ChangeKind.ADD, ChangeKind.REVISE)


class ChatWriter:
    """A writer that asks *model*. Where it gives no usable answer, *instead* writes, and the note says why."""

    def __init__(self, model: ChatModel, instead: NoteWriter) -> None:
        self._model = model
        self._instead = instead

    @property
    def name(self) -> str:
        return self._model.name

    def note(self, task: WindowTask) -> NoteDraft:
        labelled = labels(task.items)
        asked = [
            Message("system", _rules(task)),
            Message("user", _shown(task, labelled)),
        ]
        try:
            answer = self._note(asked, task.template)
        except (ChatUnavailable, ValueError) as error:
            log.warning("%s wrote no note: %s", self.name, error)
            return replace(self._instead.note(task), fell_back=f"{self.name}: {error}")
        return NoteDraft(
            answer.title.strip(),
            tuple(_drafts(answer.changes, labelled, task)),
            self.name,
            language=task.wanted_language if task.wanted_language != task.language else None,
        )

    def _note(self, asked: Sequence[Message], template: Template | None) -> AnsweredNote | SectionedNote:
        if template is not None and template.point_sections:
            return self._ask(asked, SectionedNote, NOTE_TOKENS)
        return self._ask(asked, AnsweredNote, NOTE_TOKENS)

    def final(self, task: FinalTask) -> FinalDraft:
        """The title, the overview and the titles of the chapters. The transcript is shown if it fits the context."""
        system = MINUTES_OF_MEETING.format(language=language_name(task.language))
        # The second attempt is shown the first answer.
        left = self._model.context_tokens - estimated_tokens(system) - 2 * FINAL_TOKENS
        shown = shown_minutes(task.minutes, left)
        transcript = shown_transcript(task.segments)
        fits = estimated_tokens(shown.text) + estimated_tokens(transcript) <= left
        asked = f"{shown.text}\n\n{transcript}" if fits else shown.text
        try:
            answer = self._ask([Message("system", system), Message("user", asked)], AnsweredFinal, FINAL_TOKENS)
        except (ChatUnavailable, ValueError) as error:
            log.warning("%s wrote no overview: %s", self.name, error)
            return FinalDraft(fell_back=f"{self.name}: {error}")
        return FinalDraft(
            title=_plain(answer.title),
            overview=tuple(_overview(answer, shown)),
            chapter_titles={each.number - 1: _plain(each.title) for each in answer.chapters},
            author=self.name,
        )

    def _ask(self, messages: Sequence[Message], kind: type[AnyAnswer], tokens: int) -> AnyAnswer:
        """The model's answer. It is asked once more if the first one cannot be read.

        Raises ChatUnavailable, or ValueError if the second one cannot be read either.
        """
        schema = kind.model_json_schema()
        text = self._model.answer(messages, schema, tokens).text
        try:
            return read_answer(text, kind)
        except ValueError as error:
            log.info("%s is asked once more: %s", self.name, error)
            again = [*messages, Message("assistant", text), Message("user", AGAIN.format(problem=error))]
            return read_answer(self._model.answer(again, schema, tokens).text, kind)


def _rules(task: WindowTask) -> str:
    rules = MINUTES_OF_WINDOW.format(language=language_name(task.wanted_language))
    further = (BRIEFED if shown_briefing(task.briefing) else "", GUIDED if task.typed_notes else "")
    return "".join((rules, template_rules(task.template), *further))


def _overview(answer: AnsweredFinal, shown: ShownMinutes) -> Iterator[OverviewDraft]:
    for sentence in answer.overview:
        evidence = (key for label in sentence.items for key in shown.evidence.get(label.strip(), ()))
        yield OverviewDraft(_plain(sentence.text), tuple(dict.fromkeys(evidence)))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _shown(task: WindowTask, labelled: Mapping[str, Item]) -> str:
    people = ", ".join(sorted(task.people)) or "not known"
    known = f"{shown_briefing(task.briefing)}People: {people}\n\nOpen items:\n{shown_items(labelled)}"
    return f"{known}\n\n{shown_notes(task.typed_notes)}Lines:\n{shown_lines(task.window)}"


def _drafts(changes: Sequence[AnsweredChange], labelled: Mapping[str, Item], task: WindowTask) -> Iterator[Draft]:
    """The usable ones of *changes*: with a line that says them, and with a text or an item that is there."""
    window = task.window
    for change in changes:
        item = labelled.get(change.item or "")
        evidence = tuple(window[number - 1].id for number in sorted(set(change.lines)) if 0 < number <= len(window))
        text = _plain(change.text)
        if not evidence or not (text if change.change in _NEW else item):
            continue
        yield Draft(
            kind=change.kind if item is None else item.kind,
            text=text,
            owner=_said(change.owner),
            due=_said(change.due),
            evidence=tuple(dict.fromkeys(evidence)),
            change=ChangeKind.ADD if item is None else change.change,
            item=None if item is None else item.id,
            section=_section(change, task.template),
        )


def _section(change: AnsweredChange, template: Template | None) -> str | None:
    """The section of *template* that *change* names, None if it names none that there is."""
    if template is None or not isinstance(change, SectionedChange) or change.section is None:
        return None
    wanted = _plain(change.section).casefold()
    return next((name for name in template.point_sections if name.casefold() == wanted), None)


def language_name(code: str) -> str:
    """The English name of a language, such as `German`."""
    from transformers.models.whisper.tokenization_whisper import LANGUAGES as NAMES

    return str(NAMES.get(code, code)).title()


_NOTHING = frozenset({"", "null", "none", "nobody", "unknown", "n/a", "-", "tbd"})


def _said(value: str | None) -> str | None:
    """*value*, None where a model wrote a word for nothing."""
    plain = _plain(value or "")
    return None if plain.lower() in _NOTHING else plain
