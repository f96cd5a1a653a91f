"""Meetings with human summaries: windows with the sentences that cite them, and disjoint splits."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from schema.core.errors import InvalidData
from schema.core.words import count_words
from training.data import load, refuse_overlap
from training.data.meetings import note_windows, read_meetings

SHARED = Path(os.environ.get("MINUTEBOOK_SHARED", Path(__file__).resolve().parents[4] / "shared")) / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="shared/data not found: set MINUTEBOOK_SHARED to run tests on real meetings"
)


def meeting(name: str, turns: int = 60) -> dict[str, Any]:
    """A meeting with turns of ten words, two seconds each, and a long pause after turn 29."""
    turn_rows = [
        {
            "i": i,
            "speaker": "AB"[i % 2],
            "start_s": 2.0 * i + (20 if i >= 30 else 0),
            "end_s": 2.0 * i + 1.9 + (20 if i >= 30 else 0),
            "text": f"turn {i} of {name} says something about the price of screws.",
        }
        for i in range(turns)
    ]
    summary = {
        "abstract": [
            {"text": "They spoke of screws.", "evidence": [1, 2, 40]},
            {"text": "Everything was said.", "evidence": [3, 50]},
        ],
        "decisions": [{"text": "Buy screws.", "evidence": [45]}],
        "actions": [{"text": "Anna calls.", "evidence": []}],
    }
    roles = [{"id": "A", "role": "Project Manager"}, {"id": "B", "role": None}]
    return {
        "id": name, "corpus": "AMI", "language": "en", "usual_split": "train", "segmentation": "dialogue-act",
        "speakers": roles, "turns": turn_rows, "topics": [], "summary": summary,
    }  # fmt: skip


def asked(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "meeting_transcripts": [{"speaker": "PM", "content": f"{name} turn {i}"} for i in range(5)],
        "general_query_list": [],
        "specific_query_list": [
            {"query": "Summarize the start", "answer": "They began.", "relevant_text_span": [["0", "1"], ["3", "3"]]},
            {"query": "Why?", "answer": "Because.", "relevant_text_span": [["0", "4"]]},
        ],
    }


def write(path: Path, *rows: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def test_windows_are_cut_at_pauses_and_get_the_sentences_that_cite_them(tmp_path: Path) -> None:
    write(tmp_path / "meetings/train.jsonl.gz", meeting("M1"))
    [whole] = read_meetings(tmp_path / "meetings/train.jsonl.gz")
    first, second = note_windows(whole)
    assert [segment.id for segment in first.segments] == list(range(30))
    assert [(each.text, each.evidence) for each in first.sentences] == [("They spoke of screws.", (1, 2))]
    assert [(each.section, each.text) for each in second.sentences] == [("decisions", "Buy screws.")]
    assert {segment.speaker for segment in first.segments} == {"Project Manager", "B"}


def test_a_window_becomes_an_example_with_the_lines_of_its_evidence(tmp_path: Path) -> None:
    write(tmp_path / "meetings/train.jsonl.gz", meeting("M1"))
    first, second = load(f"windows:{tmp_path}", needs=("text", "summary"))
    assert (first.id, first.group, first.summary) == ("M1/0", "M1", "They spoke of screws.")
    assert (first.evidence, second.evidence) == ((1, 2), (15,))
    assert first.text is not None
    assert first.text.splitlines()[1] == "B: turn 1 of M1 says something about the price of screws."


def test_a_whole_meeting_becomes_an_example_with_all_sections_of_its_summary(tmp_path: Path) -> None:
    bare = meeting("M2") | {"summary": {"abstract": []}}
    write(tmp_path / "meetings/dev.jsonl.gz", meeting("M1"), bare)
    [only] = load(f"meetings:{tmp_path}", "dev")
    assert only.summary == "They spoke of screws. Everything was said. Buy screws. Anna calls."
    assert only.evidence == (1, 2, 3, 40, 45, 50)


def test_meetings_used_for_measuring_are_removed_from_the_training_part_of_qmsum(tmp_path: Path) -> None:
    write(tmp_path / "meetings/dev.jsonl.gz", meeting("M1"))
    write(tmp_path / "qmsum/val.jsonl.gz", asked("Q2"))
    write(tmp_path / "qmsum/train.jsonl.gz", asked("M1"), asked("Q2"), asked("Q3"))
    [answer] = load(f"qmsum:{tmp_path}", needs=("text", "summary"))
    assert (answer.id, answer.summary) == ("Q3/0", "They began.")
    assert answer.text == "PM: Q3 turn 0\nPM: Q3 turn 1\nPM: Q3 turn 3"
    assert len(load(f"qmsum:{tmp_path}", "val")) == 1


def test_an_invalid_line_is_reported_with_its_number(tmp_path: Path) -> None:
    write(tmp_path / "meetings/train.jsonl.gz", meeting("M1"), {"id": "M2"})
    with pytest.raises(InvalidData, match=r"meetings/train.jsonl.gz:2: not a meeting"):
        load(f"windows:{tmp_path}")
    with pytest.raises(InvalidData, match="Available splits: train"):
        load(f"windows:{tmp_path}", "dev")


@needs_shared
def test_windows_of_the_real_meetings_keep_every_word_and_most_sentences() -> None:
    found = sentences = kept = 0
    for each in read_meetings(SHARED / "meetings/dev.jsonl.gz"):
        cut = list(note_windows(each))
        assert [segment.id for window in cut for segment in window.segments] == [turn.id for turn in each.turns]
        assert max(sum(count_words(s.text) for s in window.segments) for window in cut) <= 462
        found += len(cut)
        sentences += sum(bool(sentence.evidence) for sentence in each.sentences)
        kept += sum(len(window.sentences) for window in cut)
    assert found > 400
    assert kept > 0.6 * sentences


@needs_shared
def test_training_and_dev_meetings_share_nothing() -> None:
    dev = load(f"windows:{SHARED}", "dev")
    refuse_overlap(load(f"qmsum:{SHARED}", "train"), dev)
