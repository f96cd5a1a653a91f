"""How well support tells true sentences from false ones, on a made-up meeting."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from bench.support import Scores, figures, main

MEETING: dict[str, Any] = {
    "id": "m",
    "corpus": "AMI",
    "language": "en",
    "usual_split": "dev",
    "speakers": [{"id": "A", "role": None}],
    "turns": [
        {"i": 0, "speaker": "A", "start_s": 0.0, "end_s": 2.0, "text": "The remote control needs two batteries."},
        {"i": 1, "speaker": "A", "start_s": 2.0, "end_s": 4.0, "text": "Yellow plastic is cheaper than titanium."},
    ],
    "summary": {
        "abstract": [
            {"text": "The remote needs batteries.", "evidence": [0]},
            {"text": "Plastic is cheaper.", "evidence": [1]},
        ]
    },
}


def test_the_area_counts_how_often_a_true_sentence_stands_above_a_false_one() -> None:
    apart = [Scores([0.9, 0.5], [0.3]), Scores([0.4], [0.1])]
    assert figures(apart).tolist() == [1.0, 0.0, 1.0]
    mixed = [Scores([0.9, 0.1], [0.1, 0.5])]
    assert figures(mixed).tolist() == [0.5, 0.5, (1 + 1 + 0.5 + 0) / 4]


def test_a_run_is_compared_with_an_earlier_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with gzip.open(tmp_path / "dev.jsonl.gz", "wt") as file:
        file.write(json.dumps(MEETING) + "\n")
    arguments = [str(tmp_path / "dev.jsonl.gz"), "--out", str(tmp_path / "support.json")]
    assert main(arguments) == 0
    assert "| AMI | 2 | 2 | 1.000 | 0.000 | 1.000 |" in capsys.readouterr().out
    assert main([*arguments, "--against", str(tmp_path / "support.json")]) == 0
    assert "1.000 [+0.000, +0.000 to +0.000]" in capsys.readouterr().out


def test_a_file_of_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.json").write_text("{}")
    assert main(["--against", str(tmp_path / "other.json"), str(tmp_path / "dev.jsonl.gz")]) == 1
    assert capsys.readouterr().err.startswith("bench: ")
