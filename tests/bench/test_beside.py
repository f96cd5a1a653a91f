"""Latency of live words, separately for times with and without a file in the queue."""

from __future__ import annotations

from bench.files.beside import Turn, figures

TURNS = [Turn(0, 30, None), Turn(30, 60, 90.0), Turn(60, 90, None)]


def test_words_count_for_the_period_in_which_they_were_sent() -> None:
    found = figures(TURNS, [(10.0, 1000.0), (40.0, 1100.0), (50.0, 1150.0), (70.0, 1000.0)])
    assert found["turns"] == [2, 1]
    assert found["words"] == [2, 2]
    assert found["committed_ms_beside_a_file"] == {"p50": 1150.0, "p95": 1150.0, "p99": 1150.0}
    assert found["p95_change"] == 0.15
    assert found["file_times_real_time"] == 3.0


def test_words_at_the_edges_of_a_period_are_not_counted() -> None:
    found = figures(TURNS, [(10.0, 1.0), (29.0, 9.0), (31.0, 9.0), (40.0, 1.0), (59.0, 9.0), (61.0, 9.0), (95.0, 9.0)])
    assert found["words"] == [1, 1]
    assert found["p95_change"] == 0
