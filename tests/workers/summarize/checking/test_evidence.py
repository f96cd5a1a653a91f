from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.workers.summarize.conftest import meeting
from workers.summarize.checking.evidence import SUPPORTED_FROM, Evidence
from workers.summarize.text.segment import SpokenSegment

SEGMENTS = meeting(
    "Ines: The river gauge at the mill shows two metres forty.",
    "Omar: Then the footpath stays closed until Sunday, and the school has to be told.",
    "Ines: Petra will phone the school tomorrow.",
    "Omar: My bicycle has a flat tyre again.",
)


def test_a_sentence_cites_the_segment_that_supports_it() -> None:
    checked = Evidence(SEGMENTS).check("The footpath is closed until Sunday.")
    assert checked.evidence == (2,)
    assert checked.supported


def test_a_sentence_may_cite_two_segments() -> None:
    checked = Evidence(SEGMENTS).check("The gauge at the mill shows two metres forty, so the footpath stays closed.")
    assert checked.evidence == (1, 2)
    assert checked.supported


def test_a_sentence_that_nobody_said_is_unsupported() -> None:
    checked = Evidence(SEGMENTS).check("The insurance pays for the flooded cellar.")
    assert checked.evidence == ()
    assert checked.support == 0.0
    assert not checked.supported


def test_a_sentence_with_a_wrong_number_day_or_name_is_unsupported() -> None:
    evidence = Evidence(SEGMENTS)
    assert not evidence.check("The gauge at the mill shows three metres forty.").supported
    assert not evidence.check("The footpath stays closed until Friday.").supported
    assert not evidence.check("Tomorrow Lena will phone the school.").supported
    assert evidence.check("Tomorrow Petra will phone the school.").supported


def test_support_lies_between_0_and_1() -> None:
    evidence = Evidence(SEGMENTS)
    assert evidence.support("The footpath stays closed.", [2]) == 1.0
    assert 0.0 < evidence.support("The footpath and the castle stay closed.", [2]) < 1.0
    assert evidence.support("", [2]) == 0.0


def test_a_sentence_may_name_the_speaker() -> None:
    assert Evidence(SEGMENTS).check("The flat tyre belongs to Omar.", [4]).support > SUPPORTED_FROM


@pytest.mark.parametrize(
    "label", ["Channel 4", "Speaker Two", "channel-04", "SPEAKER_07", "Room 3 North", "4th floor", "Gast 2", "12"]
)
def test_the_number_in_a_speakers_label_is_no_claim(label: str) -> None:
    evidence = Evidence(
        meeting(f"{label}: The footpath stays closed until Sunday.", "Omar: My bicycle has a flat tyre.")
    )
    checked = evidence.check(f"{label}: The footpath stays closed until Sunday.")
    assert (checked.supported, checked.evidence) == (True, (1,))
    assert not evidence.check(f"{label}: The footpath stays closed until Monday.").supported
    assert not evidence.check(f"{label}: The footpath stays closed for 4 days until Sunday.").supported


def test_a_sentence_must_name_the_label_of_the_speaker_who_said_it() -> None:
    evidence = Evidence(meeting("Channel 3: Who tells the school?", "Channel 4: I will phone the school tomorrow."))
    assert evidence.check("Channel 4 will phone the school tomorrow.").supported
    assert evidence.check("channel 4's task is to phone the school tomorrow.", [2]).evidence == (2,)
    assert not evidence.check("Channel 3 will phone the school tomorrow.", [2]).supported
    assert not evidence.check("Channel 40 will phone the school tomorrow.").supported


def test_a_number_is_a_claim_even_if_a_speakers_label_has_it() -> None:
    evidence = Evidence(meeting("4: The footpath stays closed.", "Channel 2: My bicycle has a flat tyre again."))
    assert not evidence.check("The 4 footpaths stay closed.").supported
    assert not evidence.check("My 2 bicycles have a flat tyre again.").supported


def test_human_abstracts_are_supported_more_often_by_their_own_meeting_than_by_another(shared: Path) -> None:
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
