"""Meetings with audio, and texts read out by a speech synthesiser."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
import soundfile

from schema.core.errors import InvalidData, InvalidInput
from tests.training.data.conftest import RecordTone
from tests.training.data.test_meetings import meeting
from training.data import load, read_audio
from training.data.dataset import Example
from training.data.text_to_speech import speak

needs_flite = pytest.mark.skipif(
    shutil.which("flite") is None, reason="flite not found: install it to run tests of speech synthesis"
)


@pytest.fixture
def folder(tmp_path: Path, record: RecordTone) -> Path:
    """Two meetings, one of which has audio for its turns 20 to 59, half a second each."""
    (tmp_path / "data/meetings").mkdir(parents=True)
    with gzip.open(tmp_path / "data/meetings/dev.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(meeting(name)) + "\n" for name in ("one", "two"))
    record("audio/meeting_two/audio.flac", seconds=20.0)
    turns = [
        {"turn": i, "start_s": 0.5 * (i - 20), "end_s": 0.5 * (i - 20) + 0.4, "text": f"Turn {i}."}
        for i in range(20, 60)
    ]
    (tmp_path / "audio/meeting_two/segments.json").write_text(json.dumps({"segments": turns}))
    return tmp_path


def test_a_window_has_its_span_of_the_audio(folder: Path) -> None:
    examples = list(load(f"spoken:{folder}", "dev", needs=("audio", "text", "summary")))
    assert [example.group for example in examples] == ["two"] * len(examples)
    first, last = examples[0], examples[-1]
    assert (first.start_s, first.text) == (0.0, "\n".join(f"Turn {i}." for i in range(20, 30)))
    assert first.summary == "They spoke of screws."
    assert last.end_s == pytest.approx(19.9)
    assert len(read_audio(first)) == round((first.end_s or 0) * 16_000)


def test_a_missing_part_of_a_meeting_with_audio_is_named(folder: Path) -> None:
    (folder / "audio/meeting_two/segments.json").write_text("{}")
    with pytest.raises(InvalidData, match=r"segments\.json is not a list of turns"):
        load(f"spoken:{folder}", "dev")
    (folder / "audio/meeting_two/audio.flac").unlink()
    with pytest.raises(InvalidData, match="meeting_two has no audio file"):
        load(f"spoken:{folder}", "dev")
    shutil.rmtree(folder / "audio/meeting_two")
    with pytest.raises(InvalidData, match="no folder meeting_ID for a meeting of the split 'dev'"):
        load(f"spoken:{folder}", "dev")


@needs_flite
def test_texts_are_synthesised_once_into_a_data_set_with_audio(tmp_path: Path) -> None:
    text = "Anna: Um, the boi- the boiler lost pressure.\nBen: Uh.\nAnna: Call them."
    examples = [Example("m/1", "x:1", text=text, summary="The boiler.", group="m")]
    assert speak(examples, tmp_path, "train") == 1
    data = load(tmp_path, "train", needs=("audio", "text", "summary"))
    assert (data[0].id, data[0].group, data[0].summary) == ("m/1", "m", "The boiler.")
    assert data[0].text == "the the boiler lost pressure.\nCall them."
    assert 1.5 < data.lengths[0] < 8
    path = tmp_path / "train/m-1.flac"
    assert soundfile.info(path).samplerate == 16_000
    made = path.stat().st_mtime_ns
    speak(examples, tmp_path, "train")
    assert path.stat().st_mtime_ns == made


@needs_flite
def test_unknown_voices_and_texts_without_words_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no voice 'nobody'. It has: .*slt"):
        speak([], tmp_path, "train", voices=["nobody"])
    with pytest.raises(InvalidData, match="x:1: empty has no words"):
        speak([Example("empty", "x:1", text="Uh.", summary="Nothing.")], tmp_path, "train")


def test_without_flite_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidInput, match="apt-get install flite"):
        speak([], tmp_path, "train")
