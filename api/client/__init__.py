"""A client of the API, used by the command line, the demo, the benchmark and tests: `LiveTrack` and `Http`."""

from api.client.http import DEFAULT_URL, Http
from api.client.live import Arrival, LiveTrack

__all__ = ["DEFAULT_URL", "Arrival", "Http", "LiveTrack"]
