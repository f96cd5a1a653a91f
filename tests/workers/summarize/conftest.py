from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from schema.core.sentences import split_sentences
from schema.minutes.ledger import Change, ItemKind
from schema.minutes.note import NoteBody
from tests import models
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.model import TextModel

ROOT = Path(__file__).parents[3]


def meeting(*lines: str) -> list[SpokenSegment]:
    """A segment of about a second for each line `Name: text`, with ids from 1."""
    segments = []
    for number, line in enumerate(lines, 1):
        speaker, _, text = line.partition(": ")
        segments.append(SpokenSegment(number, speaker, number * 16_000, number * 16_000 + 15_000, text))
    return segments


def one_track(segments: Sequence[SpokenSegment]) -> list[SpokenSegment]:
    """The same words from one microphone: no speaker is known, and each sentence is a segment."""
    sentences = split_sentences(" ".join(segment.text for segment in segments))
    return [
        SpokenSegment(number, None, number * 16_000, number * 16_000 + 15_000, text)
        for number, text in enumerate(sentences, 1)
    ]


def found(note: NoteBody, kind: ItemKind) -> list[Change]:
    """The changes of items of a kind in a note."""
    return [change for change in note.changes if change.kind is kind]


def texts(note: NoteBody, kind: ItemKind) -> list[str]:
    return [change.text for change in found(note, kind)]


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = Path(os.environ.get("MINUTEBOOK_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"{folder} not found: set MINUTEBOOK_SHARED to run tests on more meetings")
    return folder


@pytest.fixture(scope="session")
def gemma() -> TextModel:
    return models.gemma()
