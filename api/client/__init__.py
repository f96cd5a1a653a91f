"""A client of the API, for the command line, the demonstration, benchmarks and tests."""

from api.client.http import DEFAULT_URL, Http
from api.client.live import Arrival, LiveTrack

__all__ = ["DEFAULT_URL", "Arrival", "Http", "LiveTrack"]
