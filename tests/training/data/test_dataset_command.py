"""`minutebook dataset check` says what is there, or what is wrong and where."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from training.__main__ import build_app


def test_a_good_data_set_is_counted(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "one", "summary": "1"}\n{"text": "two", "summary": "2"}\n')
    told = CliRunner().invoke(build_app(), ["dataset", "check", str(tmp_path)])
    assert told.exit_code == 0, told.output
    assert told.output.startswith("2 examples, 0.00 h of audio, fingerprint ")


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "one"}\n{"audio": "gone.wav"}\n')
    told = CliRunner().invoke(build_app(), ["dataset", "check", str(tmp_path)])
    assert told.exit_code == 2
    assert "train.jsonl:2: the audio file" in told.output
