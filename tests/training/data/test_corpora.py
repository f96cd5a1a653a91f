"""Corpora in their published layouts, as small copies written here."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from schema.core.errors import InvalidData
from tests.training.data.conftest import RecordTone
from training.data import load
from training.data.hub import examples


def test_librispeech_is_read_with_ids_texts_speakers_and_lengths(tmp_path: Path, record: RecordTone) -> None:
    record("test-clean/1089/134686/1089-134686-0000.flac")
    record("test-clean/1089/134686/1089-134686-0001.flac", seconds=2)
    (tmp_path / "test-clean/1089/134686/1089-134686.trans.txt").write_text(
        "1089-134686-0000 HE HOPED THERE WOULD BE STEW\n1089-134686-0001 STUFF IT INTO YOU\n"
    )
    data = load(f"librispeech:{tmp_path}", "test-clean", needs=("audio", "text"))
    assert [(each.id, each.text, each.group) for each in data] == [
        ("1089-134686-0000", "he hoped there would be stew", "1089"),
        ("1089-134686-0001", "stuff it into you", "1089"),
    ]
    assert data[1].where == "1089-134686.trans.txt:2"
    assert list(data.lengths) == [1.0, 2.0]
    with pytest.raises(InvalidData, match="Available splits: test-clean"):
        load(f"librispeech:{tmp_path}", "test-other")


def test_common_voice_is_read_with_texts_languages_and_speakers(tmp_path: Path, record: RecordTone) -> None:
    record("clips/common_voice_ru_1.mp3", rate_hz=32_000)
    (tmp_path / "test.tsv").write_text(
        "client_id\tpath\tsentence\tup_votes\tlocale\n"
        'c1\tcommon_voice_ru_1.mp3\tОн сказал: "да" и ушёл.\t2\tru\n'
        "c2\tcommon_voice_ru_2.mp3\n"
    )
    [clip] = load(f"common_voice:{tmp_path}", "test", skip_faulty=True)
    assert (clip.id, clip.text, clip.language) == ("common_voice_ru_1.mp3", 'Он сказал: "да" и ушёл.', "ru")
    assert clip.group == "c1"
    with pytest.raises(InvalidData, match=r"test.tsv:3: path or sentence is missing"):
        load(f"common_voice:{tmp_path}", "test")


def test_gazeta_is_read_as_russian_texts_with_summaries(tmp_path: Path) -> None:
    row = {"title": "Ставка", "text": "Банк поднял ставку.", "summary": "Ставка выросла.", "url": "u1", "date": "2020"}
    (tmp_path / "gazeta_test.jsonl").write_text(json.dumps(row) + '\n{"title": "без текста"}\n')
    [news] = load(f"gazeta:{tmp_path}", "test", needs=("text", "summary"), skip_faulty=True)
    assert (news.id, news.language, news.summary) == ("u1", "ru", "Ставка выросла.")
    with pytest.raises(InvalidData, match=r"gazeta_test.jsonl:2: not an object with text and summary"):
        load(f"gazeta:{tmp_path}", "test")


def test_wikihow_is_read_by_split_without_articles_as_short_as_their_summary(tmp_path: Path) -> None:
    long = "Boil some water first. It takes a while, so be patient and wait for the bubbles."
    rows = [
        ["\nBoil water.,\nAdd tea.", "How to Make Tea", long],
        ["Another way.", "How to Make Tea", long + " Then rest."],
        ["As long as the text.", "How to Rest", "Rest."],
        ["Not of this split.", "How to Run", long],
    ]
    with (tmp_path / "wikihowAll.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["headline", "title", "text"], *rows])
    (tmp_path / "all_val.txt").write_text("HowtoMakeTea\nHowtoRest\n")
    one, two = load(f"wikihow:{tmp_path}", "val", needs=("text", "summary"))
    assert (one.id, one.summary, one.text) == ("How to Make Tea", "Boil water.\nAdd tea.", long)
    assert two.id == "How to Make Tea (2)"


def test_how2_is_read_by_utterance_or_by_recording(tmp_path: Path, record: RecordTone) -> None:
    record("wav/vid1.wav", seconds=3)
    part = tmp_path / "val"
    part.mkdir()
    (part / "text").write_text("vid1_1 then stir it\nvid1_0 take a bowl\n")
    (part / "segments").write_text("vid1_0 vid1 0.0 1.5\nvid1_1 vid1 1.5 2.75\n")
    late, early = load(f"how2:{tmp_path}", "val", needs=("audio", "text"))
    assert (late.start_s, late.end_s, late.text, late.group) == (1.5, 2.75, "then stir it", "vid1")
    assert early.text == "take a bowl"
    (part / "summary").write_text("vid1 how to stir in a bowl\n")
    [whole] = load(f"how2:{tmp_path}", "val", needs=("audio", "text", "summary"))
    assert (whole.text, whole.summary) == ("take a bowl then stir it", "how to stir in a bowl")


def test_clips_are_read_with_cleaned_reference_texts(tmp_path: Path, record: RecordTone) -> None:
    record("ami/a.flac")
    (tmp_path / "ami/a.txt").write_text("A: Okay.\nB: [noise] Right, <VOCNOISE> go.\n")
    (tmp_path / "manifest.csv").write_text("file,language,reference\nami/a.flac,en,ami/a.txt\nami/b.flac,en,gone.txt\n")
    [clip] = load(f"clips:{tmp_path}", skip_faulty=True)
    assert clip.text == "Okay. Right, go."
    with pytest.raises(InvalidData, match=r"manifest.csv:3: .*gone.txt cannot be read"):
        load(f"clips:{tmp_path}")


def test_rows_of_a_hub_are_read_by_their_column_names(record: RecordTone) -> None:
    audio = record("a.flac").read_bytes()
    rows = [
        {"id": "1", "audio": {"bytes": audio, "path": "a.flac"}, "text": "hello", "speaker_id": 7},
        {"article": "long text", "highlights": "short"},
        {"label": 1},
    ]
    speech, news, fault = examples("owner/name", rows, "en")
    assert (speech.text, speech.group, speech.audio.read_bytes() == audio) == ("hello", "7", True)  # type: ignore[union-attr]
    assert (news.where, news.text, news.summary) == ("owner/name[1]", "long text", "short")  # type: ignore[union-attr]
    assert "label" in fault.reason  # type: ignore[union-attr]
