"""Meetings with what people wrote about them and the turns that it rests on: AMI, ICSI and QMSum as gzipped JSON lines.

    FOLDER/meetings/train.jsonl.gz, dev.jsonl.gz    AMI and ICSI: turns, summary sentences with evidence
    FOLDER/qmsum/train.jsonl.gz, val.jsonl.gz       QMSum: turns, queries with answers and the span that they rest on

AMI Meeting Corpus (J. Carletta et al., 2005), ICSI Meeting Corpus (A. Janin et al., 2003), QMSum (M. Zhong et al.,
2021).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from schema.core.errors import InvalidData
from schema.core.units import samples_of_s
from training.data.checks import Fault
from training.data.dataset import Example
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.windows import windows_of

SECTIONS = ("abstract", "decisions", "actions", "problems", "progress")
MAJORITY = 0.5


@dataclass(frozen=True, slots=True)
class Linked:
    """A sentence that somebody wrote, and the ids of the turns that it rests on."""

    section: str
    text: str
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Meeting:
    """`turns` are segments whose id is the turn's number, speakers called by their roles where they have one."""

    id: str
    where: str
    corpus: str
    usual_split: str | None
    turns: tuple[SpokenSegment, ...]
    sentences: tuple[Linked, ...]


@dataclass(frozen=True, slots=True)
class NoteWindow:
    """What a note is written of, and the sentences that rest on it."""

    meeting: str
    where: str
    number: int
    segments: tuple[SpokenSegment, ...]
    sentences: tuple[Linked, ...]


def read_meetings(path: Path) -> Iterator[Meeting]:
    """The AMI and ICSI meetings of a file, one at a time. Raises InvalidData where a line is not such a meeting."""
    for where, row in _rows(path):
        try:
            yield _meeting(where, row)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidData(f"{where}: not a meeting with turns and a summary: {error!r}") from error


def note_windows(meeting: Meeting) -> Iterator[NoteWindow]:
    """The windows of a meeting as the worker cuts them: 250 to 400 words, at the longest pause.

    A sentence belongs to the window that holds most of its evidence, if that is more than half; one that rests on the
    whole meeting belongs to none.
    """
    for number, window in enumerate(windows_of(meeting.turns)):
        inside = {segment.id for segment in window}
        resting = tuple(
            replace(sentence, evidence=tuple(key for key in sentence.evidence if key in inside))
            for sentence in meeting.sentences
            if len(inside & set(sentence.evidence)) > MAJORITY * len(sentence.evidence)
        )
        yield NoteWindow(meeting.id, meeting.where, number, window, resting)


def meetings(folder: Path, split: str, _language: str) -> Iterator[Example | Fault]:
    """A whole meeting as an example: every section's sentences after each other are its summary."""
    for meeting in read_meetings(split_file(folder / "meetings", split)):
        if meeting.sentences:
            yield _example(meeting.id, meeting.where, meeting.id, meeting.turns, meeting.sentences)


def windows(folder: Path, split: str, _language: str) -> Iterator[Example | Fault]:
    """Windows of the same meetings on which some sentence rests, for the training of notes."""
    for meeting in read_meetings(split_file(folder / "meetings", split)):
        for window in note_windows(meeting):
            if window.sentences:
                name = f"{meeting.id}/{window.number}"
                yield _example(name, f"{meeting.where}/{window.number}", meeting.id, window.segments, window.sentences)


def qmsum(folder: Path, split: str, _language: str) -> Iterator[Example | Fault]:
    """Spans of QMSum's meetings with the answers of those queries that ask for a summary of them.

    From the train part meetings are left out that `meetings/dev` or QMSum's own val part measure on.
    """
    held = _held(folder) if split == "train" else frozenset()
    for where, row in _rows(split_file(folder / "qmsum", split)):
        if row["id"] not in held:
            yield from _answers(where, row)


def _answers(where: str, row: Mapping[str, Any]) -> Iterator[Example | Fault]:
    turns = [f"{turn['speaker']}: {turn['content']}" for turn in row["meeting_transcripts"]]
    for number, query in enumerate(row["specific_query_list"]):
        if not str(query["query"]).lower().startswith("summarize"):
            continue
        places: set[int] = set()
        for first, last in query["relevant_text_span"]:
            places |= set(range(int(first), int(last) + 1))
        text = "\n".join(turns[place] for place in sorted(places) if place < len(turns))
        if text:
            name, spot = f"{row['id']}/{number}", f"{where}/{number}"
            yield Example(name, spot, text=text, summary=str(query["answer"]), group=row["id"])


def _held(folder: Path) -> frozenset[str]:
    files = (folder / "meetings" / "dev.jsonl.gz", folder / "qmsum" / "val.jsonl.gz")
    return frozenset(row["id"] for path in files if path.exists() for _, row in _rows(path))


def _example(
    name: str, where: str, group: str, turns: tuple[SpokenSegment, ...], sentences: tuple[Linked, ...]
) -> Example:
    lines = {turn.id: at for at, turn in enumerate(turns)}
    linked = {lines[key] for sentence in sentences for key in sentence.evidence if key in lines}
    return Example(
        name,
        where,
        text="\n".join(f"{turn.speaker}: {turn.text}" for turn in turns),
        summary=" ".join(sentence.text for sentence in sentences),
        group=group,
        evidence=tuple(sorted(linked)),
    )


def _meeting(where: str, row: Mapping[str, Any]) -> Meeting:
    names = _names(row["speakers"])
    turns = tuple(_turn(turn, names) for turn in row["turns"])
    sentences = tuple(
        Linked(section, sentence["text"], tuple(sentence["evidence"]))
        for section in SECTIONS
        for sentence in row["summary"].get(section, ())
    )
    return Meeting(row["id"], where, row["corpus"], row["usual_split"], turns, sentences)


def _turn(turn: Mapping[str, Any], names: Mapping[str, str]) -> SpokenSegment:
    first, end = samples_of_s(turn["start_s"]), samples_of_s(turn["end_s"])
    return SpokenSegment(turn["i"], names[turn["speaker"]], first, end, turn["text"])


def _names(speakers: list[Mapping[str, str | None]]) -> dict[str, str]:
    """Letters to roles; where several have one role, the role and the letter."""
    roles = [speaker.get("role") for speaker in speakers]
    names: dict[str, str] = {}
    for speaker in speakers:
        letter, role = str(speaker["id"]), speaker.get("role")
        names[letter] = letter if not role else role if roles.count(role) == 1 else f"{role} {letter}"
    return names


def split_file(folder: Path, split: str) -> Path:
    path = folder / f"{split}.jsonl.gz"
    if not path.is_file():
        there = sorted(each.name.removesuffix(".jsonl.gz") for each in folder.glob("*.jsonl.gz"))
        raise InvalidData(f"There is no {path}. Splits there: {', '.join(there) or 'none'}.")
    return path


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            where = f"{path.parent.name}/{path.name}:{number}"
            try:
                yield where, json.loads(line)
            except ValueError as error:
                raise InvalidData(f"{where}: not JSON: {error}") from error
