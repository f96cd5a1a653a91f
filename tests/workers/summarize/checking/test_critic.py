"""The included critic on meetings that it was not trained on, and on sentences made for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from schema.core.errors import BrokenModel
from schema.minutes.ledger import ItemKind
from tests.workers.summarize.conftest import meeting
from training.data.invented_meetings import InventedMeeting, invented_meetings
from training.data.judgements import AUTHORED, judgements_of
from training.metrics.calibration import area_under_curve
from workers.models.cache import verify_sums
from workers.summarize.checking.claim import MinutesClaim
from workers.summarize.checking.critic import FOLDER, Calibration, Critic
from workers.summarize.checking.critic_features import CriticReader
from workers.summarize.checking.evidence import CONTRADICTED
from workers.summarize.checking.window_check import WindowCheck
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.writer import Draft

DEPOT = meeting(
    "Nora: The fence behind the depot has a hole of about two metres.",
    "Paul: We could buy a new one for four thousand.",
    "Nora: No, that is far too much. We repair it.",
    "Paul: Okay, agreed.",
    "Nora: Paul, could you ring the metal workshop?",
    "Paul: Sure, I'll ring them tomorrow morning.",
)
PEOPLE = ("Nora", "Paul")


@pytest.fixture(scope="module")
def critic() -> Critic:
    return Critic.load()


@pytest.fixture(scope="module")
def dev() -> list[InventedMeeting]:
    return [each for number, each in enumerate(invented_meetings("dev")) if number % 3 == 0]


def probability(critic: Critic, said: list[SpokenSegment], claim: MinutesClaim) -> float:
    [found] = critic.support(CriticReader(said, PEOPLE, "en"), [claim])
    return found


def test_who_does_what_may_not_be_swapped(critic: Critic) -> None:
    right = MinutesClaim(ItemKind.ACTION, "Paul rings the metal workshop.", (5, 6), "Paul")
    wrong = MinutesClaim(ItemKind.ACTION, "Nora rings the metal workshop.", (5, 6), "Nora")
    assert probability(critic, DEPOT, right) > probability(critic, DEPOT, wrong)


def test_a_proposal_that_was_refused_is_less_probable_than_what_was_agreed(critic: Critic) -> None:
    agreed = MinutesClaim(ItemKind.DECISION, "The fence behind the depot is repaired.", (3, 4))
    refused = MinutesClaim(ItemKind.DECISION, "A new fence is bought for four thousand.", (2,))
    assert probability(critic, DEPOT, agreed) > probability(critic, DEPOT, refused)


@pytest.mark.parametrize("text", ["The hole is nine metres wide.", "Paul rings on Friday.", "Otto has a hole."])
def test_a_number_a_day_or_a_person_that_nobody_said_makes_a_claim_improbable(critic: Critic, text: str) -> None:
    reader = CriticReader(DEPOT, (*PEOPLE, "Otto"), "en")
    [found] = critic.support(reader, [MinutesClaim(ItemKind.POINT, text, (1,))])
    assert found <= CONTRADICTED < critic.calibration.supported_from


def test_true_and_false_statements_of_unseen_meetings_are_told_apart(
    critic: Critic, dev: list[InventedMeeting]
) -> None:
    true: list[float] = []
    false: list[float] = []
    for each in dev:
        reader = CriticReader(each.turns, each.people, each.language)
        judged = [judgement for judgement in judgements_of(each) if judgement.authored]
        found = critic.support(reader, [judgement.claim for judgement in judged])
        for judgement, support in zip(judged, found, strict=True):
            (true if judgement.true else false).append(support)
    assert {judgement.why for judgement in judged if judgement.true} == {AUTHORED}
    assert area_under_curve(np.array(true), np.array(false)) > 0.75
    assert np.mean(np.array(true) >= critic.calibration.supported_from) > 0.85


def test_a_claim_without_lines_cannot_be_judged(critic: Critic) -> None:
    reader = CriticReader(DEPOT, PEOPLE, "en")
    assert not reader.has_evidence(MinutesClaim(ItemKind.POINT, "It rains.", (99,)))
    with pytest.raises(ValueError, match="evidence"):
        critic.support(reader, [MinutesClaim(ItemKind.POINT, "It rains.", (99,))])
    assert critic.support(reader, []) == []


def test_nothing_said_later_takes_nothing_back(critic: Critic) -> None:
    claim = MinutesClaim(ItemKind.DECISION, "The fence is repaired.", (1,))
    [verdict] = critic.taken_back(CriticReader(meeting("Al: "), PEOPLE, "en"), [claim])
    assert (verdict.sure, verdict.segments) == (False, ())


def test_probabilities_grow_with_the_logit() -> None:
    calibration = Calibration(scale=2.0, shift=-1.0)
    assert calibration.probability(0.5) == pytest.approx(0.5)
    assert calibration.probability(-1000.0) < calibration.probability(0.0) < calibration.probability(1000.0)


def test_the_included_critic_is_whole_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    verify_sums(FOLDER, "")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(BrokenModel, match="cannot be loaded"):
        Critic.load(tmp_path)


def test_a_point_in_the_words_of_its_line_is_supported() -> None:
    said = [SpokenSegment(1, "Ann", 0, 1, "Well, the backup of the database took four hours last night.")]
    draft = Draft(ItemKind.POINT, "The backup of the database took four hours last night.", evidence=(1,))
    [change] = WindowCheck(said, ["Ann"], "en").changes([draft])
    assert (change.support, change.supported) == (1.0, True)
