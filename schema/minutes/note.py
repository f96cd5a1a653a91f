"""The note of one window of a transcript, as the database stores it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from schema.core.wire import Shown
from schema.minutes.ledger import Change


@dataclass(frozen=True, slots=True)
class NoteBody:
    """What a window changes in the ledger. It reaches from its first to its last segment. `title` names its topic.

    `written_by` names the chat model that wrote it. `fell_back` says why such a model was asked in vain.
    `language` is set if it is not the meeting's.
    """

    first_sample: int
    end_sample: int
    title: Shown
    changes: tuple[Change, ...] = ()
    written_by: Shown | None = None
    fell_back: Shown | None = None
    language: Shown | None = None


NOTE: TypeAdapter[NoteBody] = TypeAdapter(NoteBody)
"""Converts a note to a table's body, `NOTE.dump_python(note, mode="json")`, and back, `NOTE.validate_python(body)`."""
