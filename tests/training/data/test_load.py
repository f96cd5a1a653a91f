"""Manifests and folders become data sets, and their faults are reported with file and line."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from schema.core.errors import InvalidData
from tests.training.data.conftest import RecordTone, WriteManifest
from training.data import ExampleLimits, load, read_audio
from training.data.checks import SHOWN_LIMIT


def test_a_manifest_is_read_as_a_sequence_of_examples(record: RecordTone, manifest: WriteManifest) -> None:
    audio = record("a.wav", seconds=2.0)
    path = manifest(
        {"id": "one", "audio": "a.wav", "end_s": 1.5, "text": "hello there", "language": "de", "group": "anna"},
        {"audio": "a.wav", "start_s": 0.5, "summary": "a greeting"},
    )
    one, two = load(path)
    assert (one.id, one.where, one.audio, one.text) == ("one", "train.jsonl:1", audio, "hello there")
    assert (one.language, one.group, one.end_s) == ("de", "anna", 1.5)
    assert (two.id, two.language, two.start_s, two.end_s, two.text) == ("a.wav", "en", 0.5, None, None)


def test_lengths_are_seconds_of_audio_or_words_of_text(record: RecordTone, manifest: WriteManifest) -> None:
    record("a.wav", seconds=2.0)
    data = load(manifest({"audio": "a.wav", "start_s": 0.5}, {"text": "four words of text"}))
    assert list(data.lengths) == [1.5, 4.0]


def test_csv_and_gzip_are_read_like_jsonl(tmp_path: Path, manifest: WriteManifest) -> None:
    plain = manifest({"id": "a", "text": "one, two", "summary": "numbers"})
    (tmp_path / "rows.csv").write_text('id,text,summary,group\na,"one, two",numbers,\n')
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    prints = {load(path).fingerprint for path in (plain, tmp_path / "rows.csv", tmp_path / "rows.jsonl.gz")}
    assert len(prints) == 1


def test_a_folder_pairs_audio_with_texts_of_the_same_name(tmp_path: Path, record: RecordTone) -> None:
    record("talks/b.FLAC")  # some recorders write capital suffixes
    (tmp_path / "talks/b.txt").write_text("what was said\n")
    (tmp_path / "talks/b.summary.txt").write_text("what it means\n")
    (tmp_path / "talks/c.txt").write_text("a text")
    (tmp_path / "talks/c.summary.txt").write_text("its summary")
    both, text = load(tmp_path / "talks")
    assert both.audio is not None
    assert (both.id, both.audio.name, both.text, both.summary) == ("b", "b.FLAC", "what was said", "what it means")
    assert (both.where, text.where) == ("b.FLAC", "c.summary.txt")
    assert (text.audio, text.text, text.summary) == (None, "a text", "its summary")


def test_a_folder_with_manifests_is_read_by_split(tmp_path: Path, manifest: WriteManifest) -> None:
    manifest({"text": "seen"}, name="train.jsonl")
    manifest({"text": "unseen"}, name="test.jsonl")
    assert [example.text for example in load(tmp_path, "test")] == ["unseen"]


def test_every_fault_is_reported_with_its_line(tmp_path: Path, record: RecordTone, manifest: WriteManifest) -> None:
    record("good.wav")
    record("none.wav", seconds=0)
    (tmp_path / "noise.wav").write_bytes(b"this is not audio at all" * 10)
    path = manifest(
        {"id": "ok", "audio": "good.wav", "text": "fine"},
        {"audio": "gone.wav", "text": "x"},
        {"audio": "noise.wav", "text": "x"},
        {"audio": "none.wav", "text": "x"},
        {"id": "blank", "audio": "good.wav", "text": "  "},
        {"id": "long", "audio": "good.wav", "text": "word " * 11},
        {"id": "ok", "audio": "good.wav", "text": "again"},
        {"id": "late", "audio": "good.wav", "text": "x", "start_s": 2},
        {"id": "when", "audio": "good.wav", "text": "x", "start_s": "soon"},
        {"id": "typo", "audoi": "good.wav"},
        {"id": "mute", "audio": "good.wav"},
    )
    with path.open("a") as file:
        file.write('{"id": broken}\n[1, 2]\n')
    with pytest.raises(InvalidData) as caught:
        load(path, needs=("audio", "text"), limits=ExampleLimits(text_words=10))
    message = str(caught.value)
    for line, reason in [
        (2, "gone.wav is missing"),
        (3, "noise.wav cannot be read"),
        (4, "none.wav contains no audio"),
        (5, "the text is empty"),
        (6, "11 words, more than the limit of 10"),
        (7, "the id 'ok' is also used by train.jsonl:1"),
        (8, "2.0 to 1.0 s does not lie within"),
        (9, "start_s is 'soon'"),
        (10, "unknown column 'audoi'"),
        (11, "mute has no text"),
        (12, "not JSON"),
        (13, "each line must be a JSON object"),
    ]:
        [found] = [each for each in message.splitlines() if each.startswith(f"train.jsonl:{line}: ")]
        assert reason in found
    assert message.startswith("12 examples cannot be used")


def test_a_truncated_recording_is_found_before_training(record: RecordTone, manifest: WriteManifest) -> None:
    path = record("cut.flac", seconds=20)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InvalidData, match=r"train.jsonl:1: the audio file .*cut.flac ends early"):
        load(manifest({"audio": "cut.flac"}))


def test_faulty_examples_can_be_left_out_and_are_counted(manifest: WriteManifest) -> None:
    data = load(manifest({"text": "fine"}, {"text": " "}, {"audio": "gone.wav"}), skip_faulty=True)
    assert [example.text for example in data] == ["fine"]
    assert data.remarks == (
        "2 faulty examples are left out, for example train.jsonl:2: "
        "the text is empty; leave the example out, or add a text",
    )


def test_a_long_list_of_faults_is_cut(manifest: WriteManifest) -> None:
    with pytest.raises(InvalidData) as caught:
        load(manifest(*[{"id": str(number)} for number in range(SHOWN_LIMIT + 5)]))
    assert str(caught.value).endswith("and 5 more")
    assert caught.value.facts == {"faults": SHOWN_LIMIT + 5}


def test_an_empty_data_set_and_a_missing_path_are_refused(tmp_path: Path, manifest: WriteManifest) -> None:
    with pytest.raises(InvalidData, match="empty"):
        load(manifest())
    with pytest.raises(InvalidData, match="There is no data at"):
        load(tmp_path / "nowhere")
    with pytest.raises(InvalidData, match="is not a manifest"):
        load(manifest(name="train.yaml"))


def test_an_invalid_row_of_a_csv_is_reported_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id,text\na,fine\nb,too,many\nc\n")
    with pytest.raises(InvalidData, match=r"(?s)rows.csv:3: not the 2 columns.*rows.csv:4: not the 2 columns"):
        load(path)


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,text_file\nfine,\n,notes.txt\n", encoding="utf-8-sig")
    (tmp_path / "notes.txt").write_text("noted", encoding="utf-8-sig")
    assert [example.text for example in load(path)] == ["fine", "noted"]


def test_a_manifest_that_is_not_utf8_or_damaged_is_refused_with_the_remedy(
    tmp_path: Path, manifest: WriteManifest
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text\nKöln\n", encoding="latin-1")
    with pytest.raises(InvalidData, match=r"rows\.csv is not UTF-8 text .* Save it as UTF-8"):
        load(path)
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(manifest({"text": "fine"}).read_bytes())[:-12])
    with pytest.raises(InvalidData, match=r"cut\.jsonl\.gz is damaged"):
        load(cut)


def test_mixed_sample_rates_are_remarked_and_resampled(record: RecordTone, manifest: WriteManifest) -> None:
    record("a.wav", rate_hz=8_000)
    record("b.wav", rate_hz=44_100, channels=2)
    record("c.wav")
    data = load(manifest(*({"audio": name} for name in ("a.wav", "b.wav", "c.wav"))))
    assert data.remarks == (
        "sample rates: 1 at 8000 Hz, 1 at 16000 Hz, 1 at 44100 Hz; audio is resampled to 16000 Hz when it is read",
        "1 examples have more than one channel; their channels are averaged",
    )
    for example in data:
        samples = read_audio(example)
        assert samples.dtype == np.int16
        assert len(samples) == 16_000
        assert np.abs(samples).max() == pytest.approx(0.3 * 32_768, rel=0.05)


def test_a_span_of_a_file_is_read_alone(record: RecordTone, manifest: WriteManifest) -> None:
    record("a.wav", seconds=2.0)
    whole, part = load(manifest({"id": "w", "audio": "a.wav"}, {"audio": "a.wav", "start_s": 0.5, "end_s": 1.25}))
    assert np.array_equal(read_audio(part), read_audio(whole)[8_000:20_000])


def test_the_fingerprint_depends_on_the_content_and_not_on_the_path(
    tmp_path: Path, record: RecordTone, manifest: WriteManifest
) -> None:
    record("a.wav")
    first = load(manifest({"id": "x", "audio": "a.wav", "text": "one"})).fingerprint
    record("moved/b.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    assert load(manifest({"id": "x", "audio": "moved/b.wav", "text": "one"})).fingerprint == first
    assert load(manifest({"id": "x", "audio": "a.wav", "text": "two"})).fingerprint != first
    record("c.wav")
    assert load(manifest({"id": "x", "audio": "c.wav", "text": "one"})).fingerprint != first


def test_examples_can_be_indexed_from_either_end_and_sliced(manifest: WriteManifest) -> None:
    data = load(manifest(*({"text": text} for text in ("ä", "b", "c"))))
    assert [data[place].text for place in (0, 2, -1, -3)] == ["ä", "c", "c", "ä"]
    assert [example.text for example in data[1:]] == ["b", "c"]
    with pytest.raises(IndexError):
        data[3]
