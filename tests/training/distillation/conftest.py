"""Real weights and the sample meeting, as the engine's tests have them."""

from tests.workers.asr.conftest import exact_engine, meeting, models

__all__ = ["exact_engine", "meeting", "models"]
