"""Minutes of whole meetings measured against human notes, and resumed runs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from bench.summaries.__main__ import main
from bench.summaries.measures import measure_minutes
from bench.summaries.minutes_store import MinutesStore, WrittenMinutes
from bench.summaries.systems import WITHOUT_MODEL, first_sentences, longest_turns
from schema.core.errors import InvalidData
from schema.minutes.minutes import Action, Minutes, Sentence
from training.data.meetings import AnnotatedMeeting, read_meetings
from workers.asr.error_rates import Counts

TURNS = (
    ("A", "The boiler in the north wing lost pressure twice during the night."),
    ("B", "The plumber wants nine hundred euros for a new boiler."),
    ("A", "Okay, then we decided to buy the new boiler from the plumber."),
    ("B", "I will give the plumber the key of the north wing on Tuesday."),
)


def row(name: str, corpus: str = "AMI", **sections: list[dict[str, Any]]) -> dict[str, Any]:
    turns = [
        {"i": at, "speaker": speaker, "start_s": 5.0 * at, "end_s": 5.0 * at + 4, "text": text}
        for at, (speaker, text) in enumerate(TURNS)
    ]
    speakers = [{"id": "A", "role": None}, {"id": "B", "role": None}]
    summary = {"abstract": [{"text": "The boiler is replaced.", "evidence": [0, 1]}], **sections}
    return {
        "id": name,
        "corpus": corpus,
        "usual_split": "dev",
        "speakers": speakers,
        "turns": turns,
        "summary": summary,
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    decided = [{"text": "They buy a boiler.", "evidence": [2]}, {"text": "They heat with wood.", "evidence": [1]}]
    rows = [row("first", decisions=decided), row("second", "ICSI"), row("third", decisions=decided)]
    path = tmp_path / "dev.jsonl.gz"
    with gzip.open(path, "wt") as lines:
        lines.writelines(json.dumps(each) + "\n" for each in rows)
    return path


@pytest.fixture
def meeting(file: Path) -> AnnotatedMeeting:
    return next(read_meetings(file))


def test_decisions_actions_and_evidence_are_counted_as_by_hand(meeting: AnnotatedMeeting) -> None:
    bought = Sentence("They decided to buy a boiler.", (2,), 0.8, supported=True)
    wood = Sentence("They agreed on wood.", (3,), 0.1)
    key = Action("B gives a key.", "B", None, (3,), 0.9, supported=True)
    found = measure_minutes(meeting, Minutes(overview=(bought,), decisions=(bought, wood), actions=(key,)), 1.5)
    assert found["decisions listed"] == 2.0
    assert found["decisions precision"] == Counts(1, 2)
    assert found["decisions recall"] == Counts(1, 2)
    assert (found["sentences that say decided"], found["of these on a decision"]) == (2.0, Counts(1, 2))
    assert (found["actions listed"], found["actions precision"], found["actions recall"]) == (
        1.0,
        Counts(0, 1),
        Counts(0, 0),
    )
    assert found["supported"] == Counts(2, 3)
    assert (found["evidence precision"], found["evidence recall"]) == (Counts(1, 2), Counts(1, 3))
    assert found["processor seconds"] == 1.5


def test_minutes_are_cut_to_their_first_words_for_the_length_of_the_abstract(meeting: AnnotatedMeeting) -> None:
    exact = Minutes(overview=(Sentence("The boiler is replaced."), Sentence("Nothing else of it is here.")))
    found = measure_minutes(meeting, exact, 0.0)
    assert found["ROUGE-1 at its length"] == 1.0
    assert found["ROUGE-1"] != 1.0
    assert found["words for each of the abstract"] == 10 / 4


def test_actions_are_not_measured_without_a_human_reference(file: Path) -> None:
    _, second, _ = read_meetings(file)
    assert "actions listed" not in measure_minutes(second, Minutes(), 0.0)


def test_served_minutes_equal_those_of_the_worker_and_baselines_cite_their_segments(meeting: AnnotatedMeeting) -> None:
    minutes = WITHOUT_MODEL["words as said"]()(meeting.turns, language="en")
    assert [decision.evidence for decision in minutes.decisions] == [(2,)]
    assert [action.owner for action in minutes.actions] == ["B"]
    assert first_sentences(meeting.turns, language="en").overview[0] == Sentence(TURNS[0][1], (0,), 1.0, supported=True)
    [longest] = longest_turns(meeting.turns, language="en").overview
    assert longest.evidence == (3,)


def test_a_stopped_run_resumes_after_its_last_whole_row(tmp_path: Path) -> None:
    path = tmp_path / "minutes.jsonl"
    written = WrittenMinutes(Minutes(overview=(Sentence("It rained.", (1,), 1.0, supported=True),)), 2.5)
    MinutesStore(path, {"model": "a"}).put("said", "first", written)
    with path.open("a") as file:
        file.write('{"system": "said", "meet')
    shelf = MinutesStore(path, {"model": "a"}, resume=True)
    shelf.put("said", "second", written)
    again = MinutesStore(path, {"model": "a"}, resume=True)
    assert again["said", "first"] == again["said", "second"] == written
    assert ("said", "third") not in again
    with pytest.raises(InvalidData, match="without --resume"):
        MinutesStore(path, {"model": "b"}, resume=True)
    assert ("said", "first") not in MinutesStore(path, {"model": "a"})


def test_a_resumed_run_writes_the_same_figures(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [str(file), "--corpus", "AMI", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "2 examples in 2 groups" in printed
    assert "| decisions precision | 1.000 (1.000–1.000) | 0.000" in printed
    kept = (tmp_path / "out/minutes.jsonl").read_bytes()
    assert main([*command, "--resume"]) == 0
    assert (tmp_path / "out/minutes.jsonl").read_bytes() == kept
    figures = json.loads((tmp_path / "out/figures.json").read_text())
    assert [result["name"] for result in figures["results"]] == ["words as said", "lead", "longest turns"]
    assert figures["results"][0]["figures"]["decisions recall"]["difference"] == 0.5


def test_faults_are_reported_with_the_remedy(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file), "--corpus", "ICSI", "--meetings", "0"]) == 1
    assert "Name another file" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(file), "--adapter", "somewhere"])
    assert "--adapter needs the --model" in capsys.readouterr().err
