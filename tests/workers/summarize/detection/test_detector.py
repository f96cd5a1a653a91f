"""The included detector on talk that it was not trained on: it finds what matters, in several languages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from schema.core.errors import BrokenModel
from schema.minutes.ledger import ItemKind
from tests.models import line_encoder
from tests.workers.summarize.conftest import meeting
from workers.models.cache import verify_sums
from workers.summarize.detection.detector import FOLDER, Detector
from workers.summarize.detection.network import OUTPUTS
from workers.summarize.text.segment import SpokenSegment

ENGLISH = meeting(
    "Nora: Did you see the match yesterday?",
    "Paul: Only the second half, it was dreadful.",
    "Nora: Right. The fence behind the depot has a hole of about two metres.",
    "Paul: Since when?",
    "Nora: Since the storm. So do we repair it or get a new one?",
    "Paul: Let's just repair it, a new one is four thousand.",
    "Nora: Fine, we repair it. Paul, could you ring the metal workshop?",
    "Paul: Sure, I'll ring them tomorrow morning.",
    "Nora: Lovely. Is there any coffee left?",
)
GERMAN = meeting(
    "Jana: Hast du gestern das Spiel gesehen?",
    "Uwe: Nur die zweite Halbzeit.",
    "Jana: Gut, also der Zaun hinter dem Lager hat ein Loch von zwei Metern.",
    "Uwe: Dann reparieren wir ihn, ein neuer kostet viertausend.",
    "Jana: Einverstanden, wir reparieren ihn. Uwe, rufst du die Schlosserei an?",
    "Uwe: Ja, mach ich morgen früh.",
    "Jana: Prima. Ist noch Kaffee da?",
)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(line_encoder())


@pytest.mark.parametrize("said", [ENGLISH, GERMAN], ids=["en", "de"])
def test_decisions_and_tasks_are_found_and_small_talk_is_not(detector: Detector, said: list[SpokenSegment]) -> None:
    found = detector.read(said, {line.speaker for line in said if line.speaker}).items
    task = next(item for item in found if item.kind is ItemKind.ACTION)
    assert said[task.lines[-1]].speaker in ("Paul", "Uwe")
    assert any(item.kind is ItemKind.DECISION for item in found)
    carrying = {at for item in found for at in item.lines}
    assert carrying.isdisjoint({0, 1, len(said) - 1})


def test_every_line_has_a_probability_of_each_output(detector: Detector) -> None:
    known = detector.read(ENGLISH, []).probabilities
    assert known.shape == (len(ENGLISH), OUTPUTS)
    assert np.all((known > 0) & (known < 1))


@pytest.mark.parametrize("said", [[], meeting("Al: "), meeting("Al: Hm.")])
def test_nothing_said_gives_nothing(detector: Detector, said: list[SpokenSegment]) -> None:
    assert detector.read(said, []).items == ()


def test_the_included_detector_is_whole_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    verify_sums(FOLDER, "")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(BrokenModel, match="cannot be loaded"):
        Detector.load(line_encoder(), tmp_path)
