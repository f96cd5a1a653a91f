from __future__ import annotations

import gzip
import json
from pathlib import Path

from tests.workers.summarize.conftest import meeting
from workers.summarize.checking.evidence import SUPPORTED_FROM, Evidence
from workers.summarize.text.segment import SpokenSegment

SAID = meeting(
    "Ines: The river gauge at the mill shows two metres forty.",
    "Omar: Then the footpath stays closed until Sunday, and the school has to be told.",
    "Ines: Petra will phone the school tomorrow.",
    "Omar: My bicycle has a flat tyre again.",
)


def test_a_sentence_finds_the_segments_that_carry_it() -> None:
    checked = Evidence(SAID).check("The footpath is closed until Sunday.")
    assert checked.evidence == (2,)
    assert checked.supported


def test_a_sentence_may_rest_on_two_segments() -> None:
    checked = Evidence(SAID).check("The gauge at the mill shows two metres forty, so the footpath stays closed.")
    assert checked.evidence == (1, 2)
    assert checked.supported


def test_what_nobody_said_is_unsupported() -> None:
    checked = Evidence(SAID).check("The insurance pays for the flooded cellar.")
    assert checked.evidence == ()
    assert checked.support == 0.0
    assert not checked.supported


def test_a_wrong_number_a_wrong_day_and_a_wrong_name_are_unsupported() -> None:
    evidence = Evidence(SAID)
    assert not evidence.check("The gauge at the mill shows three metres forty.").supported
    assert not evidence.check("The footpath stays closed until Friday.").supported
    assert not evidence.check("Tomorrow Lena will phone the school.").supported
    assert evidence.check("Tomorrow Petra will phone the school.").supported


def test_support_is_between_none_and_all() -> None:
    evidence = Evidence(SAID)
    assert evidence.support("The footpath stays closed.", [2]) == 1.0
    assert 0.0 < evidence.support("The footpath and the castle stay closed.", [2]) < 1.0
    assert evidence.support("", [2]) == 0.0


def test_a_speaker_may_be_named_for_what_they_said() -> None:
    assert Evidence(SAID).check("The flat tyre belongs to Omar.", [4]).support > SUPPORTED_FROM


def test_abstracts_by_people_are_told_from_abstracts_of_something_else(shared: Path) -> None:
    with gzip.open(shared / "data/meetings/dev.jsonl.gz", "rt") as lines:
        meetings = [record for record in map(json.loads, lines) if record["corpus"] == "AMI"][:6]
    own, foreign = [], []
    for at, record in enumerate(meetings):
        turns = [SpokenSegment(turn["i"], None, 0, 1, turn["text"]) for turn in record["turns"]]
        evidence, other = Evidence(turns), meetings[at - 1]["summary"]["abstract"]
        golds = [gold for gold in record["summary"]["abstract"] if gold["evidence"]]
        own += [evidence.support(gold["text"], gold["evidence"]) >= SUPPORTED_FROM for gold in golds]
        foreign += [
            evidence.support(wrong["text"], gold["evidence"]) >= SUPPORTED_FROM
            for gold, wrong in zip(golds, other, strict=False)
        ]
    assert sum(own) / len(own) > 0.25
    assert sum(foreign) / len(foreign) < 0.1
