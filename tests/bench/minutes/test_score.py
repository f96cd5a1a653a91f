"""What counts as met, right and false when minutes are compared with what was said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.minutes.__main__ import HERE, main
from bench.minutes.gold import Gold, GoldAction, GoldItem, GoldMeeting, GoldTurn, Trap, read_gold
from bench.minutes.score import score
from schema.minutes.minutes import Action, Minutes, Sentence

MEETING = GoldMeeting(
    id="m",
    language="en",
    date="2026-03-12",
    turns=tuple(GoldTurn(i=number, speaker="Ann", text="one two three four five") for number in range(10)),
    gold=Gold(
        decisions=(GoldItem(id="d1", text="", evidence=(1,), must=(("bolt",), ("buy", "order"))),),
        actions=(
            GoldAction(id="a1", text="", evidence=(4,), must=(("call",), ("printer",)), owner="Ben", due="by Friday"),
        ),
        facts=(GoldItem(id="f1", text="", evidence=(2,), must=(("11", "eleven"),)),),
        questions=(),
        traps=(Trap(id="t1", text="", evidence=(3,), must=(("screw",),), section="decisions", unless=("instead",)),),
    ),
)


def figures(minutes: Minutes) -> dict[str, float | int | None]:
    return score([(MEETING, minutes)]).figures()


def test_everything_right_gives_one_and_no_trap() -> None:
    found = figures(
        Minutes(
            decisions=(Sentence("They order bolts instead of screws.", (1,)),),
            actions=(Action("Ben calls the printer.", "Ben", "Friday", (5,)),),
            overview=(Sentence("Eleven bolts are left.", (2,)),),
        )
    )
    assert (found["decisions_f1"], found["actions_f1"], found["owners"], found["dues"]) == (1.0, 1.0, 1.0, 1.0)
    assert (found["facts"], found["cited"], found["traps_a_meeting"]) == (1.0, 1.0, 0.0)


def test_a_task_among_the_decisions_is_met_but_a_repeat_is_not_right() -> None:
    task = Sentence("Ben calls the printer.", (4,))
    counted = score([(MEETING, Minutes(decisions=(task, Sentence("The printer gets a call.", (4,)))))])
    assert counted.actions.recall.value == 1.0
    assert counted.decisions.precision.value == 0.5


def test_a_false_statement_is_a_trap_only_in_its_section_and_earns_nothing() -> None:
    false = Sentence("They buy screws and bolts.", (3,))
    assert figures(Minutes(overview=(false,)))["traps_a_meeting"] == 0.0
    found = figures(Minutes(decisions=(false,)))
    assert (found["traps_a_meeting"], found["decisions_f1"]) == (1.0, 0.0)


@pytest.mark.parametrize("text", ["Wilbert recalls the printer.", "The printer is broken."])
def test_key_words_count_only_at_the_start_of_a_word_and_all_together(text: str) -> None:
    assert score([(MEETING, Minutes(actions=(Action(text),)))]).actions.recall.value == 0.0


def test_the_bench_measures_people_and_rules_side_by_side(tmp_path: Path) -> None:
    assert main(["--only", "standup-overrun", "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "minutes.json").read_text())["rows"]
    assert rows["written by a person"]["actions_f1"] > 0.6 > rows["rules, speakers known"]["actions_f1"]


def test_a_meeting_that_is_not_there_is_named_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "standup"]) == 1
    assert "--only standup: there is no such meeting" in " ".join(capsys.readouterr().err.split())


def test_the_nine_meetings_are_whole() -> None:
    meetings = read_gold(HERE / "meetings")
    assert len(meetings) == 9
    for meeting in meetings:
        numbers = {turn.i for turn in meeting.turns}
        items = (*meeting.gold.decisions, *meeting.gold.actions, *meeting.gold.facts, *meeting.gold.traps)
        assert all(set(item.evidence) <= numbers for item in items)
