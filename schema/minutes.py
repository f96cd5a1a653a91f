"""Minutes as the database keeps them and clients read them. Evidence are ids of segments."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Sentence:
    """`support` in [0, 1] is computed from the words of the evidence; below the threshold it is not `supported`."""

    text: str
    evidence: tuple[int, ...] = ()
    support: float = 0.0
    supported: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Something somebody is to do; `owner` and `due` only where the meeting names them, in its own words."""

    text: str
    owner: str | None = None
    due: str | None = None
    evidence: tuple[int, ...] = ()
    support: float = 0.0
    supported: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    first_sample: int
    end_sample: int
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Minutes:
    overview: tuple[Sentence, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    decisions: tuple[Sentence, ...] = ()
    actions: tuple[Action, ...] = ()


MINUTES: TypeAdapter[Minutes] = TypeAdapter(Minutes)
"""`MINUTES.dump_python(m, mode="json")` and `MINUTES.validate_python(body)` go to and from a table's body."""
