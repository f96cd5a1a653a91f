"""Systems are measured and compared on one test set, with the engine that serves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from tests.models import FOLDER, whisper
from training.__main__ import build_app
from training.data import Dataset, load, read_audio
from training.data.dataset import Example
from training.data.sources import sample_groups
from training.data.training_fingerprints import write_fingerprints
from training.data.transcript_lines import transcript_segments
from training.evaluation.baselines import CHOICES, Baseline
from training.evaluation.evaluate import evaluate, table
from training.evaluation.systems import Cascade, Recogniser, Summariser, SystemAnswer
from workers.asr.hypothesis import Window

DEMO = Path(__file__).parents[3] / "deploy/demo"


@dataclass
class FixedSystem:
    """A system with fixed answers."""

    name: str
    answers: dict[str, SystemAnswer]
    memory_bytes: int = 0

    def answer(self, examples: Sequence[Example]) -> list[SystemAnswer]:
        return [self.answers[example.id] for example in examples]


@pytest.fixture
def texts(tmp_path: Path) -> Dataset:
    rows = [
        {"id": "a", "text": "wolf bear fox deer", "summary": "four numbers", "group": "m1"},
        {"id": "b", "text": "red green", "summary": "two colours", "group": "m2"},
    ]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load(tmp_path, "test")


def test_figures_and_differences_equal_those_counted_by_hand(texts: Dataset) -> None:
    base = FixedSystem(
        "base", {"a": SystemAnswer("wolf bear", "letters"), "b": SystemAnswer("red green", "two colours")}
    )
    better = FixedSystem(
        "better", {"a": SystemAnswer("wolf bear fox deer", "four numbers"), "b": SystemAnswer("red green", "")}
    )
    found = evaluate([lambda: base, lambda: better], texts)
    first, second = found.results
    assert first.figures["WER"].difference == pytest.approx(2 / 6)
    assert second.figures["WER"].difference == 0.0
    assert second.against_first["WER"].difference == pytest.approx(-2 / 6)
    assert first.figures["ROUGE-1"].difference == second.figures["ROUGE-1"].difference == 0.5
    assert not second.against_first["ROUGE-1"].excludes_zero


def test_the_failure_table_separates_poor_summaries_by_recognition_errors(texts: Dataset) -> None:
    cascade = FixedSystem(
        "cascade", {"a": SystemAnswer("wolf", "letters"), "b": SystemAnswer("red green", "two colours")}
    )
    at_once = FixedSystem("at once", {"a": SystemAnswer(summary="four numbers"), "b": SystemAnswer(summary="nothing")})
    found = evaluate([lambda: cascade, lambda: at_once], texts)
    understood, missed = found.failures
    assert (understood.low, understood.examples, missed.low, missed.high) == (0.0, 1, 0.4, None)
    assert understood.rouge_1 == {"cascade": 1.0, "at once": 0.0}
    assert missed.rouge_1 == {"cascade": 0.0, "at once": 1.0}
    assert (understood.poor, missed.poor) == ({"cascade": 0, "at once": 1}, {"cascade": 1, "at once": 0})
    printed = table(found)
    assert "| 40% and more | 1 | 0.000, 0.000; 1 | 1.000, 1.000; 0 |" in printed
    assert "| different summaries | 2 of 2 | 2 of 2 |" in printed
    assert "| WER | 0.500 (0.000–0.750) | – |" in printed
    json.loads(json.dumps(found.dump(), allow_nan=False))


def test_on_request_summaries_are_compared_at_the_same_length(texts: Dataset) -> None:
    wordy = FixedSystem(
        "wordy", {"a": SystemAnswer(summary="four numbers and more"), "b": SystemAnswer(summary="two colours and more")}
    )
    [free], [cut] = (evaluate([lambda: wordy], texts, same_length=flag).results for flag in (False, True))
    assert free.figures["ROUGE-1"].difference == pytest.approx(2 * 2 / (4 + 2))
    assert cut.figures["ROUGE-1"].difference == 1.0
    assert cut.figures["length"].difference == 2.0


def test_speakers_are_read_only_if_every_line_names_one() -> None:
    assert [(each.id, each.speaker, each.text) for each in transcript_segments("Anna: Yes.\nBen: No.")] == [
        (0, "Anna", "Yes."),
        (1, "Ben", "No."),
    ]
    assert [each.speaker for each in transcript_segments("Anna: Yes.\nand no")] == [None, None]
    texts = [each.text for each in transcript_segments("The plan is: wait.\nand see")]
    assert texts == ["The plan is: wait.", "and see"]
    blank_between = transcript_segments("\nAnna: Yes.\n \nand no\n")
    assert [(each.id, each.speaker) for each in blank_between] == [(1, "Anna"), (3, None)]
    assert [(each.id, each.text) for each in transcript_segments("Anna:\nBen: At 10:30.")] == [(1, "At 10:30.")]


def test_the_evidence_of_extractive_minutes_is_measured(tmp_path: Path) -> None:
    text = "Anna: We will buy the new screws from the supplier in May.\nBen: Okay.\nAnna: Great, thanks."
    row = {"id": "w", "text": text, "summary": "They buy screws in May."}
    (tmp_path / "test.jsonl").write_text(json.dumps(row))
    data = load(tmp_path, "test")
    [answer] = Summariser("said", None, FOLDER).answer(list(data))
    assert answer.evidence is not None
    assert 0 in answer.evidence
    assert answer.summary
    [result] = evaluate([lambda: Summariser("said", None, FOLDER)], data).results
    assert 0.5 < result.figures["supported"].difference <= 1.0
    assert result.figures["ROUGE-1"].difference > 0


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two turns of the sample meeting, and its first 40 s as one example."""
    folder = tmp_path_factory.mktemp("spoken")
    samples, rate = soundfile.read(DEMO / "meeting.flac", dtype="int16")
    soundfile.write(folder / "meeting.flac", samples[: 40 * rate], rate)
    listed = json.loads((DEMO / "segments.json").read_text())
    turns = [turn for turn in (listed["segments"] if isinstance(listed, dict) else listed) if turn["end_s"] < 40]
    rows = [
        {"id": str(i), "start_s": turn["start_s"], "end_s": turn["end_s"], "text": turn["text"]}
        for i, turn in enumerate(turns[:2])
    ]
    rows.append({"id": "all", "text": " ".join(turn["text"] for turn in turns), "summary": turns[0]["text"]})
    path = folder / "test.jsonl"
    path.write_text("".join(json.dumps({"audio": "meeting.flac", **row}) + "\n" for row in rows))
    return load(path)


@pytest.mark.model
def test_a_measured_recogniser_gives_the_words_of_the_engine(spoken: Dataset) -> None:
    recogniser = Recogniser("tiny.en", whisper())
    one, two, whole = recogniser.answer(list(spoken))
    windows = [Window(read_audio(example)) for example in spoken[:2]]
    assert [one.transcript, two.transcript] == [each.text.strip() for each in whisper().transcribe(windows)]
    assert whole.transcript is not None
    found = evaluate([lambda: recogniser], spoken)
    assert "different summaries" not in table(found)
    [result] = found.results
    assert result.figures["WER"].difference < 0.2
    assert result.memory_bytes > 30_000_000


@pytest.mark.model
def test_a_cascade_summarises_its_own_transcript(spoken: Dataset) -> None:
    cascade = Cascade("cascade", Recogniser("tiny.en", whisper()), Summariser("said", None, FOLDER))
    [answer] = cascade.answer([spoken[2]])
    assert answer.summary
    assert answer.transcript is not None
    recognised_words = set(answer.transcript.lower().split())
    assert len(set(answer.summary.lower().split()) & recognised_words) > 0.6 * len(set(answer.summary.split()))


def test_the_command_measures_the_systems_of_a_file(tmp_path: Path, texts: Dataset) -> None:
    assert len(texts) == 2
    config = tmp_path / "compare.yaml"
    config.write_text(
        f"data: {{source: {tmp_path}, split: test}}\n"
        "systems:\n  - {name: first, summary: as-said}\n  - {name: second, summary: as-said}\n"
    )
    out = tmp_path / "found.json"
    result = CliRunner().invoke(build_app(), ["evaluate", str(config), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "| ROUGE-1 |" in result.output
    assert [result["name"] for result in json.loads(out.read_text())["results"]] == ["first", "second"]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ([], "Give a CONFIG, or --data"),
        (["--data", "x", "--asr", "a", "--summary", "b"], "Give a CONFIG, or --data"),
        (["--data", "nowhere", "--summary", "as-said"], "There is no data at nowhere"),
    ],
)
def test_invalid_arguments_are_refused_with_what_is_missing(arguments: list[str], fault: str) -> None:
    result = CliRunner().invoke(build_app(), ["evaluate", *arguments])
    assert result.exit_code == 2
    assert fault in result.output


def test_an_adapter_is_not_measured_on_its_training_examples(tmp_path: Path, texts: Dataset) -> None:
    learnt = tmp_path / "adapter"
    learnt.mkdir()
    write_fingerprints(learnt, texts)
    config = tmp_path / "compare.yaml"
    config.write_text(
        f"data: {{source: {tmp_path}, split: test}}\n"
        f"systems: [{{name: tuned, summary: nowhere, summary_adapter: {learnt}}}]\n"
    )
    result = CliRunner().invoke(build_app(), ["evaluate", str(config)])
    assert result.exit_code == 2
    assert "2 training examples overlap with the test set" in result.output


def test_two_systems_with_one_name_are_refused(tmp_path: Path) -> None:
    config = tmp_path / "compare.yaml"
    config.write_text("data: {source: x, split: y}\nsystems: [{name: a, asr: m}, {name: a, asr: n}]\n")
    result = CliRunner().invoke(build_app(), ["evaluate", str(config)])
    assert "two systems have the same name" in result.output


def test_the_baselines_take_the_first_sentences_and_the_longest_turn(tmp_path: Path) -> None:
    lines = [
        "Ann: Yeah.",
        "Ann: The boiler is cold.",
        "Bo: Um, who has a key?",
        "Cem: Nobody. The caretaker lost it twice.",
    ]
    row = {"id": "a", "text": "\n".join(lines), "summary": "Nobody has a key."}
    (tmp_path / "test.jsonl").write_text(json.dumps(row))
    data = load(tmp_path, "test")
    lead, longest = (Baseline(name, choice).answer(data[:1])[0] for name, choice in CHOICES.items())
    assert (lead.summary, lead.evidence) == ("The boiler is cold. who has a key? Nobody.", (1, 2, 3))
    assert (longest.summary, longest.evidence) == ("Nobody. The caretaker lost it twice.", (3,))


def test_the_subset_of_every_meeting_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    rows = [{"id": f"{group}{n}", "text": f"{group} {n}", "group": group} for group in "ab" for n in range(9)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    whole = load(tmp_path, "test")
    drawn = sample_groups(whole, 4, seed=1)
    assert [example.group for example in drawn] == list("aaaabbbb")
    assert [each.id for each in sample_groups(whole, 4, seed=1)] == [each.id for each in drawn]
    assert [each.id for each in sample_groups(whole, 4, seed=2)] != [each.id for each in drawn]
    assert drawn.fingerprint != whole.fingerprint
