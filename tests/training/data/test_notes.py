"""Notes for training look like those that workers ask for, and none is used for measuring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schema.core.errors import InvalidData
from tests.training.data.test_meetings import SHARED, asked, meeting, needs_shared, write
from training.data import load, refuse_overlap
from training.data.dataset import Example
from training.data.meetings import note_windows, read_meetings
from training.data.notes import NAMES
from workers.summarize.text.segment import statements
from workers.summarize.writing.note_format import transcript


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Twenty teams for training, one of which is also in dev. QMSum has one of either kind."""
    teams = [meeting(f"ES20{number:02}{letter}") for number in range(20) for letter in "ab"]
    write(tmp_path / "meetings/train.jsonl.gz", *teams, meeting("ES2099a") | {"usual_split": None})
    write(tmp_path / "meetings/dev.jsonl.gz", meeting("ES2000c") | {"usual_split": "dev"})
    write(tmp_path / "qmsum/val.jsonl.gz")
    write(tmp_path / "qmsum/train.jsonl.gz", asked("ES2000d"), asked("ES2001c"))
    return tmp_path


def series(examples: Any) -> set[str]:
    return {example.group[:6] for example in examples}


def test_teams_of_dev_and_valid_are_not_in_train(corpus: Path) -> None:
    train, valid, dev = (load(f"notes:{corpus}", split) for split in ("train", "valid", "dev"))
    assert series(dev) == {"ES2000"}
    assert "ES2000" not in series(train) | series(valid)
    assert "ES2099" not in series(train) | series(valid)
    assert series(train) & series(valid) == set()
    assert len(series(train)) > len(series(valid)) > 0
    with pytest.raises(InvalidData, match="train, valid, dev"):
        load(f"notes:{corpus}", "test")


def test_the_text_is_the_prompt_of_a_worker_and_the_summary_its_answer_format(corpus: Path) -> None:
    [whole] = read_meetings(corpus / "meetings/dev.jsonl.gz")
    windows = [window for window in note_windows(whole) if window.sentences]
    first, second = load(f"notes:{corpus}", "dev")
    assert [first.text, second.text] == [transcript(statements(window.segments), "en") for window in windows]
    assert [first.summary, second.summary] == ["They spoke of screws.", "Decision: Buy screws."]


def ami_examples(corpus: Path) -> list[Example]:
    return [example for example in load(f"notes:{corpus}", "train") if not example.id.startswith("qmsum")]


def test_a_fixed_part_of_the_examples_has_names_or_no_speakers(corpus: Path) -> None:
    texts = [example.text or "" for example in ami_examples(corpus)]
    kinds = {
        "role": sum(text.startswith("Project Manager: ") for text in texts),
        "name": sum(text.startswith(tuple(f"{name}: " for name in NAMES)) for text in texts),
        "nobody": sum(text.startswith("turn ") for text in texts),
    }
    assert sum(kinds.values()) == len(texts)
    assert min(kinds.values()) > 0
    assert texts == [example.text for example in ami_examples(corpus)]


@needs_shared
def test_the_notes_of_real_meetings_are_short_and_their_splits_disjoint() -> None:
    train, valid, dev = (load(f"notes:{SHARED}", split) for split in ("train", "valid", "dev"))
    for held in (valid, dev):
        refuse_overlap(train, held)
    assert len(train) > 1000
    assert max(len((example.summary or "").split()) for example in train) < 150
