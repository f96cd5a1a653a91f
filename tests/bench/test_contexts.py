"""The change by an audio-context adapter is reported with its interval."""

from __future__ import annotations

from bench.contexts import changes


def test_the_last_context_is_compared_with_each_of_the_others_with_intervals() -> None:
    words = [10] * 40
    rows = [
        {"context": "30 s", "errors": [1] * 40, "words": words},
        {"context": "untrained", "errors": [3, 2] * 20, "words": words},
        {"context": "trained", "errors": [1, 1] * 20, "words": words},
    ]
    same, (difference, low, high) = changes(rows).values()
    assert same == (0.0, 0.0, 0.0)
    assert round(difference, 9) == -0.15
    assert low < difference < high < 0
