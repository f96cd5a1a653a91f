"""What people say about a meeting beforehand: participants, agenda, vocabulary, language and template."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, StringConstraints

from schema.core.wire import Characters, Term, Text, Wire, WrittenLanguage

PARTICIPANTS_LIMIT = 50
AGENDA_LIMIT = 50
VOCABULARY_LIMIT = 100

SEPARATORS = {"participants": ",", "agenda": ";", "vocabulary": ","}
"""What separates the values of a list where a form or an option has one text for all."""

TEMPLATE_PATTERN = re.compile("[a-z0-9][a-z0-9-]{0,39}")
TemplateName = Annotated[str, StringConstraints(pattern=f"^{TEMPLATE_PATTERN.pattern}$")]
"""The name of a template; see `schema.templates`."""
PersonName = Annotated[Text, Characters(100, least=1)]
AgendaPoint = Annotated[Text, Characters(120, least=1)]


class Briefing(Wire):
    """Names and terms as people write them, and the agenda. The recogniser expects names and terms.

    The minutes spell them as they are given here. A point of the agenda is the heading of the chapter that treats it.
    """

    participants: list[PersonName] = Field(default_factory=list, max_length=PARTICIPANTS_LIMIT)
    agenda: list[AgendaPoint] = Field(default_factory=list, max_length=AGENDA_LIMIT)
    vocabulary: list[Term] = Field(default_factory=list, max_length=VOCABULARY_LIMIT)
    """Names and terms that the recogniser should expect."""
    minutes_language: WrittenLanguage | None = None
    """The language of the minutes. None means that of the meeting, or the key's default when the meeting is created."""
    template: TemplateName | None = None
    """The template of the minutes. None means the key's or the server's default when the meeting is created."""

    @property
    def names(self) -> tuple[str, ...]:
        """The participants, by full name and by first name."""
        return tuple(dict.fromkeys(name for full in self.participants for name in (full, full.split()[0])))

    @property
    def expected_words(self) -> tuple[str, ...]:
        """The words that the recogniser is told to expect, each once."""
        return tuple(dict.fromkeys((*self.participants, *self.vocabulary)))


def split_list(name: str, text: str) -> list[str]:
    """The values of the list *name* of a briefing in *text*, without empty ones."""
    return [value.strip() for value in text.split(SEPARATORS[name]) if value.strip()]
