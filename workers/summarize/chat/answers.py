"""The structured answers of a chat model. Their JSON schema is enforced while the model writes, where that is possible.

Descriptions are part of the schema, so models read them.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schema.minutes.ledger import ChangeKind, ItemKind
from workers.summarize.views import CHAPTERS_LIMIT

TEXT_LIMIT = 600
NAME_LIMIT = 100
CHANGES_LIMIT = 40
LINES_LIMIT = 12
OVERVIEW_LIMIT = 4


class Answer(BaseModel):
    # Some servers enforce only schemas without further properties, in which every property is required.
    model_config = ConfigDict(extra="forbid")


class AnsweredChange(Answer):
    """One change of the minutes."""

    change: Literal[ChangeKind.ADD, ChangeKind.REVISE, ChangeKind.WITHDRAW, ChangeKind.COMPLETE]
    item: str | None = Field(max_length=12)
    """The label of the open item that changes, null for a new item."""
    kind: ItemKind
    text: str = Field(max_length=TEXT_LIMIT)
    owner: str | None = Field(max_length=NAME_LIMIT)
    due: str | None = Field(max_length=NAME_LIMIT)
    lines: list[int] = Field(max_length=LINES_LIMIT)


class AnsweredNote(Answer):
    title: str = Field(max_length=NAME_LIMIT)
    changes: list[AnsweredChange] = Field(max_length=CHANGES_LIMIT)


class SectionedChange(AnsweredChange):
    """A change of minutes with sections."""

    section: str | None = Field(max_length=60)
    """The section in which a point belongs, null for other kinds and for points that belong in none."""


class SectionedNote(Answer):
    title: str = Field(max_length=NAME_LIMIT)
    changes: list[SectionedChange] = Field(max_length=CHANGES_LIMIT)


class AnsweredSentence(Answer):
    text: str = Field(max_length=TEXT_LIMIT)
    items: list[str] = Field(max_length=LINES_LIMIT)
    """The labels of the items that the sentence rests on."""


class AnsweredChapter(Answer):
    number: int
    title: str = Field(max_length=NAME_LIMIT)


class AnsweredFinal(Answer):
    title: str = Field(max_length=NAME_LIMIT)
    overview: list[AnsweredSentence] = Field(max_length=OVERVIEW_LIMIT)
    chapters: list[AnsweredChapter] = Field(max_length=CHAPTERS_LIMIT)


AnyAnswer = TypeVar("AnyAnswer", bound=Answer)


def read_answer(text: str, kind: type[AnyAnswer]) -> AnyAnswer:
    """The answer in *text*. Text around the outermost braces, such as a code fence or thinking, is left out.

    Raises ValueError with what is wrong in words that a model can use.
    """
    first, last = text.find("{"), text.rfind("}")
    if first < 0 or last < first:
        raise ValueError("The answer has no JSON object.")
    try:
        return kind.model_validate_json(text[first : last + 1])
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, each['loc'])) or 'answer'}: {each['msg']}" for each in error.errors()[:3])
        raise ValueError("; ".join(faults)) from error
