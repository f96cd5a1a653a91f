"""The note of one window of a transcript, as the database stores it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from schema.core.wire import Shown
from schema.minutes.ledger import Change


@dataclass(frozen=True, slots=True)
class NoteBody:
    """What a window changes in the ledger. It reaches from its first to its last segment. `title` names its topic.

    `fell_back` is set where the model that was asked gave no usable answer, and says why.
    """

    first_sample: int
    end_sample: int
    title: Shown
    changes: tuple[Change, ...] = ()
    fell_back: Shown | None = None


NOTE: TypeAdapter[NoteBody] = TypeAdapter(NoteBody)
"""Converts a note to a table's body, `NOTE.dump_python(note, mode="json")`, and back, `NOTE.validate_python(body)`."""
