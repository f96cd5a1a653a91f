"""Training data for notes: the input that a worker gives its model, and a note made of sentences by people.

AMI and ICSI give the windows that support a sentence. QMSum gives the queries for a summary whose span is about as long
as a window. `train` is the usual training split without the meetings of `valid`, about a twelfth of it, which is for
choosing settings. `dev` is the usual dev split. All meetings of a series are in the same split.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from schema.core.errors import InvalidData
from schema.core.sentences import split_sentences
from schema.core.wire import ENGLISH
from schema.core.words import count_words
from training.data.checks import Fault
from training.data.dataset import Example
from training.data.meetings import LinkedSentence, NoteWindow, note_windows, qmsum, read_meetings, split_file
from training.data.transcript_lines import transcript_segments
from workers.summarize.text.segment import statements
from workers.summarize.windows import LIMIT_WORDS
from workers.summarize.writing.note_format import LineKind, NoteLine, transcript, written

SPLITS = ("train", "valid", "dev")
VALID_SHARE = 12
"""One series in this many is held out of the training split."""
SPAN_WORDS = 2 * LIMIT_WORDS
"""The longest QMSum span that is used, in words."""
KINDS = {"decisions": LineKind.DECISION, "actions": LineKind.ACTION}
ROLES = ("Project Manager", "Marketing Expert", "User Interface Designer", "Industrial Designer")
_NAMES = """
Anna Ben Clara David Emma Felix Grace Hugo Ines Jonas Karin Liam Maria Nora Oscar Paula Quentin Rosa Samuel Tara Umar
Vera Walter Yusuf Zoe Amir Bianca Carlos Daria Elif Farid Greta Haruto Ivan Julia Kofi Lena Mei Nadia Omar Petra Ravi
Sofia Tomas Wei Priya
"""
NAMES = tuple(_NAMES.split())
"""Names that replace roles, since the participants of other meetings have names."""
_TAG = re.compile(r"\b[mf][en]\d{3}\b")
"""How ICSI's summaries name speakers. Nothing in the transcripts uses these tags."""


def notes(folder: Path, split: str, _language: str) -> Iterator[Example | Fault]:
    """Examples of *split*. Raises InvalidData for an unknown split."""
    if split not in SPLITS:
        raise InvalidData(f"notes: has no split {split!r}. Available splits: {', '.join(SPLITS)}.")
    for example in _examples(folder, "dev" if split == "dev" else "train"):
        if split == "dev" or split == _split_of(example.group):
            yield _with_names(example) if split == "train" else example


def _split_of(meeting: str) -> str:
    """Whether *meeting* of the usual training split belongs to `train` or `valid`."""
    return "valid" if int(hashlib.sha256(_series(meeting).encode()).hexdigest(), 16) % VALID_SHARE == 0 else "train"


def _series(meeting: str) -> str:
    """The series of a meeting: AMI's ES2002a to ES2002d are meetings of one team."""
    return re.sub(r"(?<=\d)[a-d]$", "", meeting)


def _examples(folder: Path, file: str) -> Iterator[Example]:
    held_out = frozenset[str]()
    if file == "train":
        held_out = frozenset(_series(each.id) for each in read_meetings(split_file(folder / "meetings", "dev")))
    for meeting in read_meetings(split_file(folder / "meetings", file)):
        if meeting.usual_split == file and _series(meeting.id) not in held_out:
            yield from filter(None, map(_window_example, note_windows(meeting)))
    if file == "train":
        for example in qmsum(folder, file, "en"):
            if isinstance(example, Example) and _series(example.group) not in held_out and _is_short(example):
                yield _answer_example(example)


def _window_example(window: NoteWindow) -> Example | None:
    lines = [line for sentence in window.sentences for line in _lines(sentence)]
    if not lines:
        return None
    return Example(
        f"{window.meeting}/{window.number}",
        f"{window.where}/{window.number}",
        text=transcript(statements(window.segments), ENGLISH),
        summary=written(sorted(lines, key=lambda line: line.kind != LineKind.POINT)),
        group=window.meeting,
    )


def _lines(sentence: LinkedSentence) -> list[NoteLine]:
    if _TAG.search(sentence.text):
        return []
    return [NoteLine(KINDS.get(sentence.section, LineKind.POINT), text) for text in split_sentences(sentence.text)]


def _is_short(example: Example) -> bool:
    return count_words(example.text or "") <= SPAN_WORDS


def _answer_example(example: Example) -> Example:
    segments = transcript_segments(example.text or "")
    lines = [NoteLine(LineKind.POINT, text) for text in split_sentences(example.summary or "")]
    return replace(
        example, id=f"qmsum/{example.id}", text=transcript(statements(segments), ENGLISH), summary=written(lines)
    )


def _with_names(example: Example) -> Example:
    """The example with names in place of roles, for half of the examples. A third of those that name no role loses all
    speakers.
    """
    number = int(hashlib.sha256(example.id.encode()).hexdigest()[:8], 16)
    rng = random.Random(f"0/0/{number}")  # noqa: S311 - as `training.runs.task.example_random`, without torch
    text, summary = example.text or "", example.summary or ""
    named = re.search("|".join(ROLES), summary, re.I) or any(f"{who} " in summary for who in _speakers(text))
    if not named and rng.random() < 1 / 3:
        return replace(example, text=" ".join(line.text for line in transcript_segments(text)))
    if rng.random() < 1 / 2:
        people = rng.sample(NAMES, len(ROLES))
        for role, person in zip(ROLES, people, strict=True):
            pattern = re.compile(rf"(?:\bthe )?\b{role}\b", re.I)
            text, summary = pattern.sub(person, text), pattern.sub(person, summary)
    return replace(example, text=text, summary=summary)


def _speakers(text: str) -> Sequence[str]:
    return list(dict.fromkeys(line.speaker for line in transcript_segments(text) if line.speaker))
