"""`minutebook dataset check` counts the examples or reports what is wrong and where."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from training.__main__ import build_app


def test_the_examples_of_a_valid_data_set_are_counted(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "one", "summary": "1"}\n{"text": "two", "summary": "2"}\n')
    result = CliRunner().invoke(build_app(), ["dataset", "check", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("2 examples, 0.00 h of audio, fingerprint ")


def test_an_invalid_line_is_reported_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "one"}\n{"audio": "gone.wav"}\n')
    result = CliRunner().invoke(build_app(), ["dataset", "check", str(tmp_path)])
    assert result.exit_code == 2
    assert "train.jsonl:2: the audio file" in result.output
