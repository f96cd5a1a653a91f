"""Real speech: the meeting of the demonstration."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.running_stack import sample_meeting


@pytest.fixture(scope="session")
def meeting() -> NDArray[np.int16]:
    return np.frombuffer(sample_meeting(30), "<i2")
