"""A meeting on a terminal: closed segments once, changing text below them, unsupported sentences marked."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from api.cli.render import LiveScreen, minutes_text
from api.export.phrases import clock, coverage_line
from schema.core.events import Event
from schema.core.units import SAMPLE_RATE_HZ
from schema.meetings.wire import CoverageTotals
from schema.minutes.minutes import MINUTES, Action, Chapter, Minutes, Sentence

MINUTES_OF_ALL_KINDS = Minutes(
    overview=(Sentence("The launch moves.", (1,), 0.9, True), Sentence("Everyone cheered.")),
    chapters=(Chapter("Launch", 0, 90 * SAMPLE_RATE_HZ, (Sentence("Monday it is.", (1,), 0.8, True),)),),
    decisions=(Sentence("Launch on Monday.", (1,), 1.0, True),),
    actions=(
        Action("fixes the parser", "Tom", "Wednesday", (2,), 0.9, True),
        Action("order a disk [bold]now[/bold]", None, None, (3,), 0.2, False),
    ),
)


def _segment(number: int, text: str, *, closed: bool, speaker: str | None = None) -> Event:
    word = {"text": text, "start_s": 1.0, "end_s": 2.0, "probability": 0.9}
    data = {"id": number, "track": "main", "speaker": speaker, "start_s": 61.0 * number, "end_s": 70.0 * number}
    return Event("segment", {**data, "text": text, "closed": closed, "words": [word]}, seq=number)


def _minutes(kind: str, version: int) -> Event:
    data: dict[str, Any] = {"kind": kind, "version": version, "through_s": 60.0, "model": "m", "adapter": None}
    body = MINUTES.dump_python(MINUTES_OF_ALL_KINDS, mode="json")
    return Event("minutes", {**data, "created_at": "2026-01-02T03:04:05Z", "minutes": body}, seq=10 + version)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3600, "1:00:00"), (36_061, "10:01:01")]
)
def test_clock_leaves_out_leading_zeros(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_coverage_names_every_kind_that_occurred() -> None:
    totals = CoverageTotals(duration_s=10, received_s=10, transcribed_s=7, silent_s=2, missing_s=1)
    assert coverage_line(totals) == "10.0 s received: 7.0 s transcribed, 2.0 s silent, 1.0 s missing"
    assert coverage_line(CoverageTotals()) == "0.0 s received: nothing yet"


def test_coverage_of_several_tracks_begins_with_the_length_of_the_recording() -> None:
    totals = CoverageTotals(duration_s=120, received_s=480, transcribed_s=100, silent_s=380)
    line = "120.0 s long, 480.0 s received on all tracks: 100.0 s transcribed, 380.0 s silent"
    assert coverage_line(totals) == line


def test_minutes_show_owners_due_dates_times_and_missing_support() -> None:
    assert minutes_text(MINUTES_OF_ALL_KINDS).plain.splitlines() == [
        "Overview",
        "  - The launch moves.",
        "  - Everyone cheered.  [unsupported]",
        "Decisions",
        "  - Launch on Monday.",
        "Actions",
        "  - Tom: fixes the parser (due: Wednesday)",
        "  - nobody named: order a disk [bold]now[/bold]  [unsupported]",
        "Launch (0:00–1:30)",
        "  - Monday it is.",
    ]


def test_without_a_terminal_each_closed_segment_is_printed_once() -> None:
    out = io.StringIO()
    with LiveScreen(Console(file=out, width=100)) as screen:
        screen.take(_segment(1, "Good", closed=False))
        screen.take(Event("partial", {"track": "main", "text": "never shown"}))
        assert out.getvalue() == ""
        screen.take(_segment(1, "Good morning.", closed=True, speaker="Ann"))
        screen.take(_segment(1, "Good morning.", closed=True, speaker="Ann"))
        screen.take(_segment(2, "And then", closed=False))
    assert out.getvalue().splitlines() == ["   1:01  Ann: Good morning.", "   2:02  And then"]


def test_on_a_terminal_open_segments_partial_words_and_minutes_stay_below_the_text() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, height=40, force_terminal=True)
    with LiveScreen(console) as screen:
        screen.take(_segment(1, "Good morning.", closed=True))
        screen.take(_segment(2, "The launch", closed=False))
        screen.take(Event("partial", {"track": "main", "text": "moves to Mon"}))
        screen.take(_minutes("rolling", 3))
        screen.take(Event("connection", {"state": "reconnecting", "reason": "gone away"}))
        below = Console(file=io.StringIO(), width=80, height=40)
        below.print(screen._footer())
        shown = below.file.getvalue()  # type: ignore[attr-defined]
    assert "Good morning" not in shown
    assert "2:02  The launch moves to Mon" in shown
    assert "Minutes so far, through 1:00" in shown
    assert "connection lost, reconnecting: gone away" in shown
    assert out.getvalue().count("Good morning.") == 1


def test_final_minutes_are_not_replaced_by_later_rolling_ones() -> None:
    screen = LiveScreen(Console(file=io.StringIO(), width=80))
    for event in (_minutes("rolling", 1), _minutes("final", 1), _minutes("rolling", 2)):
        screen.view.take(event)
    assert screen.view.final is not None
    assert screen.view.rolling_versions == {1, 2}
