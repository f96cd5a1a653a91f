"""What a good writer offers reaches the minutes, in its list, with its owner and its due time."""

from __future__ import annotations

import pytest

from bench.minutes.gold import of_invented
from bench.minutes.pipeline import through_the_pipeline
from training.data.invented_meetings import invented_meetings


@pytest.mark.parametrize("speakers", [True, False])
def test_the_code_keeps_nearly_all_right_items_of_the_development_meetings(speakers: bool) -> None:
    meetings = [of_invented(each) for each in invented_meetings("dev")]
    counted = through_the_pipeline(meetings, speakers=speakers)
    offered = sum(len(items) for each in meetings for items in (each.gold.decisions, each.gold.actions))
    assert counted.kept.whole > offered
    assert counted.kept.part >= 0.92 * counted.kept.whole, counted.lost
    assert counted.stopped.whole == sum(len(each.gold.traps) for each in meetings)
