"""Word latency counts from the chunk that contains the word's end to the first appearance of the word."""

from __future__ import annotations

import pytest

from api.client.latency import LatencyMeter, quantiles
from api.client.live import Arrival
from api.client.resend import SendLog
from schema.core.events import Event


def _segment(at_s: float, *words: tuple[str, float], number: int = 1, track: str = "main") -> Arrival:
    listed = [{"text": text, "start_s": end_s - 0.2, "end_s": end_s, "probability": 0.9} for text, end_s in words]
    data = {
        "id": number,
        "track": track,
        "speaker": None,
        "start_s": listed[0]["start_s"],
        "end_s": listed[-1]["end_s"],
        "text": "".join(text for text, _ in words),
        "closed": False,
        "words": listed,
    }
    return Arrival(Event("segment", data, seq=1), at_s)


def _partial(at_s: float, text: str) -> Arrival:
    return Arrival(Event("partial", {"track": "main", "text": text}), at_s)


@pytest.fixture
def meter() -> LatencyMeter:
    """One second of audio in chunks of 100 ms. The chunk that ends at t was sent at 100 + t."""
    log = SendLog()
    for number in range(1, 11):
        log.note(1600 * number, 100 + number / 10)
    return LatencyMeter(log)


def test_latency_counts_from_the_chunk_that_contains_the_end_of_the_word(meter: LatencyMeter) -> None:
    meter.take(_segment(101.0, (" Good", 0.3), (" morning.", 0.55)))
    assert meter.spoken_at_s == pytest.approx([100.3, 100.6])
    assert meter.committed_ms == pytest.approx([700, 400])


def test_each_word_of_a_growing_segment_counts_once(meter: LatencyMeter) -> None:
    meter.take(_segment(101.0, (" Good", 0.3)))
    meter.take(_segment(102.0, (" Good", 0.3), (" day.", 0.9)))
    meter.take(_segment(103.0, (" Good", 0.3), (" day.", 0.9)))
    assert meter.committed_ms == pytest.approx([700, 1100])


def test_partial_latency_counts_to_the_first_appearance_of_the_word_at_its_place(meter: LatencyMeter) -> None:
    meter.take(_partial(100.5, "good mourning"))
    meter.take(_partial(100.8, "Good morning every"))
    meter.take(_segment(101.0, (" Good", 0.3), (" morning", 0.6), (" everyone", 1.0)))
    assert meter.partial_ms == pytest.approx([200, 200, 0])


def test_a_partial_word_at_another_place_does_not_count(meter: LatencyMeter) -> None:
    meter.take(_partial(100.5, "we we we we said so"))
    meter.take(_segment(101.0, (" so", 0.3)))
    assert meter.partial_ms == pytest.approx([700])


def test_other_tracks_are_not_measured(meter: LatencyMeter) -> None:
    meter.take(_segment(101.0, (" Good", 0.3), track="guest"))
    assert meter.committed_ms == []


def test_quantiles_are_values_that_occurred() -> None:
    assert quantiles(list(range(100)), 0.5, 0.95, 0.99) == {"p50": 50, "p95": 95, "p99": 99}
    assert quantiles([3.0], 0.5, 0.99) == {"p50": 3.0, "p99": 3.0}
    with pytest.raises(ValueError, match="no word was measured"):
        quantiles([], 0.5)
