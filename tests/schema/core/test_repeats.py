"""Repeated messages are counted and said ever more rarely."""

from __future__ import annotations

import errno
import io
import logging
import os
from collections.abc import Iterator

import pytest

from schema.core.repeats import FIRST_PAUSE_S, KINDS_LIMIT, Repeats, WithoutRepeats, leave_out_repeats


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger without repeats, and what it has written."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(WithoutRepeats(Repeats(clock)))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    yield logger, written
    handler.close()


def test_a_message_is_said_at_once_and_then_at_growing_intervals_with_a_count(clock: Clock) -> None:
    kinds = Repeats(clock)
    said: list[tuple[float, int]] = []
    for second in range(3600):
        clock.now_s = 1000.0 + second
        left_out = kinds.left_out("kind")
        if left_out is not None:
            said.append((second, left_out))
    assert said == [(0, 0), (10, 9), (30, 19), (70, 39), (150, 79), (310, 159), (630, 319), (1230, 599), (1830, 599),
                    (2430, 599), (3030, 599)]  # fmt: skip


def test_a_kind_begins_anew_after_it_was_silent_for_as_long_as_its_pause(clock: Clock) -> None:
    kinds = Repeats(clock)
    assert [kinds.left_out("kind"), kinds.left_out("kind")] == [0, None]
    clock.now_s += 2 * FIRST_PAUSE_S
    assert kinds.left_out("kind") == 1
    clock.now_s += FIRST_PAUSE_S
    assert kinds.left_out("kind") == 0


def test_the_memory_of_kinds_is_bounded(clock: Clock) -> None:
    kinds = Repeats(clock)
    for number in range(KINDS_LIMIT + 1):
        assert kinds.left_out(number) == 0
    assert kinds.left_out(KINDS_LIMIT) is None
    assert kinds.left_out(0) == 0


def test_messages_that_differ_in_ids_and_numbers_are_one_kind_and_others_are_not(
    clock: Clock, log: tuple[logging.Logger, io.StringIO]
) -> None:
    logger, written = log
    for meeting in ("5f2a9c", "77ab01", "90ffee"):
        logger.warning("meeting %s waits: %s", meeting, "the database is away")
    logger.warning("meeting %s waits: %s", "5f2a9c", "Redis is away")
    clock.now_s += FIRST_PAUSE_S
    logger.warning("meeting %s waits: %s", "123456", "the database is away")
    assert written.getvalue().splitlines() == [
        "meeting 5f2a9c waits: the database is away",
        "meeting 5f2a9c waits: Redis is away",
        "meeting 123456 waits: the database is away (and 2 more of this kind since the last one)",
    ]


def test_what_is_no_warning_is_always_written(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    for _ in range(3):
        logger.info("GET /healthz")
    assert written.getvalue() == "GET /healthz\n" * 3


def test_a_full_disk_is_one_kind_in_one_line_with_the_remedy(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    logger.error("task %s failed", "sweep", exc_info=full)
    logger.error("task %s could not be sent: MISCONF %s\n%s", "deliver", full, "a stack\nof lines")
    assert written.getvalue() == (
        "task sweep failed ([Errno 28] No space left on device); a disk is full: free some space, then the work "
        "continues\n"
    )


def test_another_error_keeps_its_traceback_once(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    for _ in range(3):
        try:
            raise ValueError("wrong")
        except ValueError:
            logger.exception("a step failed")
    assert written.getvalue().count("Traceback") == 1


def test_handlers_get_the_filter_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "lastResort", None)
    logger = logging.Logger("test")
    logger.addHandler(logging.NullHandler())
    leave_out_repeats(logger)
    leave_out_repeats(logger)
    assert len(logger.handlers[0].filters) == 1
