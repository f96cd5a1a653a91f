"""Real weights and the sample meeting, shared with the tests of the engine."""

from tests.workers.asr.conftest import exact_engine, meeting, models

__all__ = ["exact_engine", "meeting", "models"]
