"""The included detector and chooser."""

from __future__ import annotations

import pytest

from tests.models import line_encoder
from workers.summarize.detection.clause_chooser import ClauseChooser
from workers.summarize.detection.detector import Detector


@pytest.fixture(scope="package")
def chooser() -> ClauseChooser:
    return ClauseChooser.load()


@pytest.fixture(scope="package")
def detector() -> Detector:
    return Detector.load(line_encoder())
