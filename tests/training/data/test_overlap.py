"""Test examples must not be in the training set, which is checked by content and not by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from schema.core.errors import DataOverlap
from tests.training.data.conftest import RecordTone, WriteManifest
from training.data import load, refuse_overlap


def test_the_same_recording_under_another_name_is_refused(
    tmp_path: Path, record: RecordTone, manifest: WriteManifest
) -> None:
    shutil.copy(record("a.wav"), tmp_path / "other.wav")
    train = load(manifest({"id": "1", "audio": "a.wav", "text": "x"}))
    test = load(manifest({"id": "2", "audio": "other.wav", "text": "y"}, name="test.jsonl"))
    with pytest.raises(DataOverlap, match=r"1 training examples overlap.*train.jsonl:1 shares audio with test.jsonl:1"):
        refuse_overlap(train, test)


def test_spans_of_one_recording_overlap_only_if_they_share_time(record: RecordTone, manifest: WriteManifest) -> None:
    record("a.wav", seconds=3.0)
    train = load(manifest({"id": "1", "audio": "a.wav", "end_s": 1.5}))
    apart = load(manifest({"id": "2", "audio": "a.wav", "start_s": 1.5}, name="test.jsonl"))
    refuse_overlap(train, apart)
    across = load(manifest({"id": "3", "audio": "a.wav", "start_s": 1.4}, name="test.jsonl"))
    with pytest.raises(DataOverlap):
        refuse_overlap(train, across)


def test_the_same_text_in_other_case_and_spacing_is_refused(manifest: WriteManifest) -> None:
    train = load(manifest({"text": "The  Budget is\nagreed."}))
    with pytest.raises(DataOverlap):
        refuse_overlap(train, load(manifest({"text": "the budget is agreed."}, name="test.jsonl")))


def test_two_recordings_of_the_same_words_do_not_overlap(record: RecordTone, manifest: WriteManifest) -> None:
    record("a.wav"), record("b.wav")
    train = load(manifest({"audio": "a.wav", "text": "yes"}))
    refuse_overlap(train, load(manifest({"audio": "b.wav", "text": "yes"}, name="test.jsonl")))


def test_a_speaker_on_both_sides_is_refused_unless_allowed(manifest: WriteManifest) -> None:
    train = load(manifest({"text": "one", "group": "anna"}, {"text": "two", "group": "ben"}))
    test = load(manifest({"text": "three", "group": "ben"}, name="test.jsonl"))
    with pytest.raises(DataOverlap, match=r"train.jsonl:2 belongs to 'ben', as does test.jsonl:1"):
        refuse_overlap(train, test)
    refuse_overlap(train, test, shared_groups=True)
