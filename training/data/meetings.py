"""Meetings with human summaries and links to the turns that support them: AMI, ICSI and QMSum as gzipped JSON lines.

    FOLDER/meetings/train.jsonl.gz, dev.jsonl.gz    AMI and ICSI: turns, summary sentences with evidence
    FOLDER/qmsum/train.jsonl.gz, val.jsonl.gz       QMSum: turns, queries with answers and the spans they rest on

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
from schema.core.wire import ENGLISH
from training.data.checks import Fault
from training.data.dataset import Example
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.windows import windows_of

SECTIONS = ("abstract", "decisions", "actions", "problems", "progress")
MAJORITY = 0.5


@dataclass(frozen=True, slots=True)
class LinkedSentence:
    """A sentence of a human summary, and the ids of the turns that support it."""

    section: str
    text: str
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AnnotatedMeeting:
    """A meeting with a human summary. The id of a segment in `turns` is the turn's number; speakers are named by role
    if they have one.
    """

    id: str
    where: str
    corpus: str
    usual_split: str | None
    turns: tuple[SpokenSegment, ...]
    sentences: tuple[LinkedSentence, ...]
    language: str = ENGLISH
    """The rows of AMI and ICSI name none."""


@dataclass(frozen=True, slots=True)
class NoteWindow:
    """A window of a meeting, as a note is written about it, with the sentences that it supports."""

    meeting: str
    where: str
    number: int
    segments: tuple[SpokenSegment, ...]
    sentences: tuple[LinkedSentence, ...]


def read_meetings(path: Path) -> Iterator[AnnotatedMeeting]:
    """The AMI and ICSI meetings of a file, one at a time. Raises InvalidData for a line that is not such a meeting."""
    for where, row in _rows(path):
        try:
            yield _meeting(where, row)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidData(f"{where}: not a meeting with turns and a summary: {error!r}") from error


def note_windows(meeting: AnnotatedMeeting) -> Iterator[NoteWindow]:
    """The windows of a meeting as a worker cuts them: 250 to 400 words, cut at the longest pause.

    A sentence belongs to the window that holds more than half of its evidence. A sentence about the whole meeting
    belongs to none.
    """
    for number, window in enumerate(windows_of(meeting.turns)):
        inside = {segment.id for segment in window}
        supported = tuple(
            replace(sentence, evidence=tuple(key for key in sentence.evidence if key in inside))
            for sentence in meeting.sentences
            if len(inside & set(sentence.evidence)) > MAJORITY * len(sentence.evidence)
        )
        yield NoteWindow(meeting.id, meeting.where, number, window, supported)


def meetings(folder: Path, split: str, _language: str) -> Iterator[Example | Fault]:
    """One example per meeting. Its summary is the sentences of all sections in order."""
    for meeting in read_meetings(split_file(folder / "meetings", split)):
        if meeting.sentences:
            yield _example(meeting.id, meeting.where, meeting.id, meeting.turns, meeting.sentences)


def windows(folder: Path, split: str, _language: str) -> Iterator[Example | Fault]:
    """One example per window that supports a sentence, for training notes."""
    for meeting in read_meetings(split_file(folder / "meetings", split)):
        for window in note_windows(meeting):
            if window.sentences:
                name = f"{meeting.id}/{window.number}"
                yield _example(name, f"{meeting.where}/{window.number}", meeting.id, window.segments, window.sentences)


def qmsum(folder: Path, split: str, _language: str) -> Iterator[Example | Fault]:
    """Spans of QMSum meetings, with the answers to the queries that ask for a summary of them.

    The split `train` excludes meetings that belong to `meetings/dev` or to QMSum's own val split, which are used for
    evaluation.
    """
    held_out = _held_out_ids(folder) if split == "train" else frozenset()
    for where, row in _rows(split_file(folder / "qmsum", split)):
        if row["id"] not in held_out:
            yield from _query_examples(where, row)


def _query_examples(where: str, row: Mapping[str, Any]) -> Iterator[Example | Fault]:
    turns = [f"{turn['speaker']}: {turn['content']}" for turn in row["meeting_transcripts"]]
    for number, query in enumerate(row["specific_query_list"]):
        if not str(query["query"]).lower().startswith("summarize"):
            continue
        indices: set[int] = set()
        for first, last in query["relevant_text_span"]:
            indices |= set(range(int(first), int(last) + 1))
        text = "\n".join(turns[index] for index in sorted(indices) if index < len(turns))
        if text:
            name, spot = f"{row['id']}/{number}", f"{where}/{number}"
            yield Example(name, spot, text=text, summary=str(query["answer"]), group=row["id"])


def _held_out_ids(folder: Path) -> frozenset[str]:
    files = (folder / "meetings" / "dev.jsonl.gz", folder / "qmsum" / "val.jsonl.gz")
    return frozenset(row["id"] for path in files if path.exists() for _, row in _rows(path))


def _example(
    name: str, where: str, group: str, turns: tuple[SpokenSegment, ...], sentences: tuple[LinkedSentence, ...]
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


def _meeting(where: str, row: Mapping[str, Any]) -> AnnotatedMeeting:
    names = _names(row["speakers"])
    turns = tuple(_turn(turn, names) for turn in row["turns"])
    sentences = tuple(
        LinkedSentence(section, sentence["text"], tuple(sentence["evidence"]))
        for section in SECTIONS
        for sentence in row["summary"].get(section, ())
    )
    return AnnotatedMeeting(
        row["id"], where, row["corpus"], row["usual_split"], turns, sentences, row.get("language", ENGLISH)
    )


def _turn(turn: Mapping[str, Any], names: Mapping[str, str]) -> SpokenSegment:
    first, end = samples_of_s(turn["start_s"]), samples_of_s(turn["end_s"])
    return SpokenSegment(turn["i"], names[turn["speaker"]], first, end, turn["text"])


def _names(speakers: list[Mapping[str, str | None]]) -> dict[str, str]:
    """Names by speaker letter: the role, or role and letter if several speakers have the same role."""
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
        raise InvalidData(f"There is no {path}. Available splits: {', '.join(there) or 'none'}.")
    return path


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            where = f"{path.parent.name}/{path.name}:{number}"
            try:
                yield where, json.loads(line)
            except ValueError as error:
                raise InvalidData(f"{where}: not JSON: {error}") from error
