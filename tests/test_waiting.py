"""The helper that waits: what it returns, and what it says when it gives up."""

from __future__ import annotations

import pytest

from tests.waiting import PROGRESS, wait_until


def test_a_wait_returns_the_first_value_that_holds() -> None:
    values = iter([1, 2, 3, 4])
    assert wait_until("the value is above 2", lambda: next(values), lambda value: value > 2) == 3
    assert PROGRESS.waits == []


def test_a_wait_that_gives_up_names_its_aim_its_length_and_the_last_value() -> None:
    message = r"^gave up waiting for \d+\.\d s until the meeting is finished; last seen, .*: \{'state': 'live'\}$"
    with pytest.raises(pytest.fail.Exception, match=message):
        wait_until("the meeting is finished", lambda: {"state": "live"}, lambda _: False, patience_s=0.05)
    assert PROGRESS.waits == []


def test_a_wait_that_gives_up_shows_the_last_exception_that_meant_not_yet() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"until the server answers; .*: ConnectionError: refused"):
        wait_until("the server answers", _refuse, retry_on=ConnectionError, patience_s=0.05)


def test_an_exception_that_does_not_mean_not_yet_ends_the_wait_with_a_note_of_the_last_value() -> None:
    values = iter([False])
    with pytest.raises(StopIteration) as caught:
        wait_until("the value is true", lambda: next(values))
    assert caught.value.__notes__[0].endswith(": False")


def test_a_long_value_is_cut() -> None:
    with pytest.raises(pytest.fail.Exception) as caught:
        wait_until("it is short", lambda: "x" * 100_000, lambda _: False, patience_s=0.05)
    assert len(str(caught.value)) < 3000


def test_only_a_change_of_what_is_seen_counts_as_progress() -> None:
    before_s = PROGRESS.changed_s
    noted: list[float] = []

    def look() -> int:
        noted.append(PROGRESS.changed_s)
        return min(len(noted), 2)

    wait_until("it was looked at five times", look, lambda _: len(noted) == 5)
    first, second, third, *rest = noted
    assert before_s <= first < second < third
    assert rest == [third, third]


def _refuse() -> bool:
    raise ConnectionError("refused")
