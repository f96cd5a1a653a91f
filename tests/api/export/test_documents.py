"""Exports, compared letter by letter."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

from api.export.documents import Export, to_json, to_markdown, to_text
from api.export.subtitles import LINE_CHARACTERS, LINES, cues_of, to_srt, to_vtt
from schema.core.states import MeetingState, SummaryKind
from schema.meetings.minutes import Action, Chapter, Minutes, Sentence
from schema.meetings.wire import CoverageTotals, MeetingOut, MinutesOut, SegmentOut, WordOut


def segment(number: int, text: str, start_s: float, end_s: float, speaker: str | None = None) -> SegmentOut:
    words = text.split()
    step_s = (end_s - start_s) / len(words)
    return SegmentOut(
        id=number,
        track=speaker or "main",
        speaker=speaker,
        start_s=start_s,
        end_s=end_s,
        text=text,
        closed=True,
        words=[
            WordOut(text=f" {word}", start_s=start_s + at * step_s, end_s=start_s + (at + 1) * step_s, probability=0.9)
            for at, word in enumerate(words)
        ],
    )


def meeting(title: str = "Launch") -> MeetingOut:
    return MeetingOut(
        id="m1",
        title=title,
        language="en",
        state=MeetingState.FINISHED,
        created_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        finished_at=None,
        asr_adapter=None,
        summary_adapter=None,
        coverage=CoverageTotals(duration_s=12.0, received_s=12.0, transcribed_s=9.5, silent_s=2.0, failed_s=0.5),
    )


def minutes(kind: SummaryKind = SummaryKind.FINAL) -> MinutesOut:
    supported = Sentence("The launch moves to Monday.", (1, 2), 0.9, True)
    return MinutesOut(
        kind=kind,
        version=1 if kind == SummaryKind.FINAL else 3,
        through_s=12.0,
        model="gemma",
        adapter=None,
        created_at=datetime(2026, 3, 2, 9, 45, tzinfo=UTC),
        minutes=Minutes(
            overview=(supported, Sentence("Everybody is happy.")),
            chapters=(Chapter("Launch *date*", 0, 192_000, (supported,)),),
            decisions=(supported,),
            actions=(
                Action("Reviews the fix", "Priya", "Thursday", (2,), 0.8, True),
                Action("Orders a disk by Friday", None, "Friday", (), 0.0, False),
            ),
        ),
    )


EXPORT = Export(
    meeting=meeting(),
    minutes=minutes(),
    segments=[
        segment(1, "We move the <launch> to Monday.", 0.5, 3.5, "Leo"),
        segment(2, "Priya reviews the fix on Thursday.", 65.0, 68.0, "Priya"),
    ],
)

MARKDOWN = """\
# Launch

2026-03-02 09:30 UTC, finished

Audio: 12.0 s received: 9.5 s transcribed, 2.0 s silent, 0.5 s failed

## Minutes

### Overview

- The launch moves to Monday. (0:00, 1:05)
- Everybody is happy. [unsupported]

### Launch \\*date\\* (0:00–0:12)

- The launch moves to Monday. (0:00, 1:05)

### Decisions

- The launch moves to Monday. (0:00, 1:05)

### Actions

- **Priya**: Reviews the fix (due: Thursday) (1:05)
- nobody named: Orders a disk by Friday [unsupported]

## Transcript

0:00 **Leo**: We move the \\<launch\\> to Monday.

1:05 **Priya**: Priya reviews the fix on Thursday.
"""

TEXT = """\
Launch
======

2026-03-02 09:30 UTC, finished

Audio: 12.0 s received: 9.5 s transcribed, 2.0 s silent, 0.5 s failed

Minutes
-------

Overview
--------

- The launch moves to Monday. (0:00, 1:05)
- Everybody is happy. [unsupported]

Launch *date* (0:00–0:12)
-------------------------

- The launch moves to Monday. (0:00, 1:05)

Decisions
---------

- The launch moves to Monday. (0:00, 1:05)

Actions
-------

- Priya: Reviews the fix (due: Thursday) (1:05)
- nobody named: Orders a disk by Friday [unsupported]

Transcript
----------

0:00 Leo: We move the <launch> to Monday.

1:05 Priya: Priya reviews the fix on Thursday.
"""

SRT = """\
1
00:00:00,500 --> 00:00:03,500
Leo: We move the <launch> to Monday.

2
00:01:05,000 --> 00:01:08,000
Priya: Priya reviews the fix on Thursday.
"""

VTT = """\
WEBVTT

NOTE 12.0 s received: 9.5 s transcribed, 2.0 s silent, 0.5 s failed

00:00:00.500 --> 00:00:03.500
<v Leo>We move the &lt;launch&gt; to Monday.

00:01:05.000 --> 00:01:08.000
<v Priya>Priya reviews the fix on Thursday.
"""


def test_the_markdown_export_is_exactly_as_expected() -> None:
    assert to_markdown(EXPORT) == MARKDOWN


def test_the_text_export_is_exactly_as_expected() -> None:
    assert to_text(EXPORT) == TEXT


def test_the_srt_export_is_exactly_as_expected() -> None:
    assert to_srt(EXPORT) == SRT


def test_the_vtt_export_is_exactly_as_expected() -> None:
    assert to_vtt(EXPORT) == VTT


def test_the_json_export_reads_back_as_the_same_meeting() -> None:
    assert Export.model_validate_json(to_json(EXPORT)) == EXPORT
    overview = json.loads(to_json(EXPORT))["minutes"]["minutes"]["overview"]
    assert [sentence["supported"] for sentence in overview] == [True, False]


def test_rolling_minutes_are_headed_by_their_version_and_extent() -> None:
    export = EXPORT.model_copy(update={"minutes": minutes(SummaryKind.ROLLING)})
    assert "## Minutes so far (version 3, through 0:12)\n" in to_markdown(export)


def test_an_empty_meeting_can_be_exported() -> None:
    nothing = Export(meeting=meeting(title=""), minutes=None, segments=[])
    assert to_markdown(nothing).startswith("# Meeting m1\n")
    assert to_markdown(nothing).endswith("## Transcript\n")
    assert to_srt(nothing) == ""
    assert to_vtt(nothing).startswith("WEBVTT\n")


def test_a_long_segment_becomes_cues_of_two_lines() -> None:
    text = " ".join(f"word{number}" for number in range(60))
    cues = cues_of([segment(1, text, 0, 20, "Priya")], names_in_text=True)
    assert len(cues) > 4
    assert all(len(cue.lines) <= LINES and all(len(line) <= LINE_CHARACTERS for line in cue.lines) for cue in cues)
    assert " ".join(line for cue in cues for line in cue.lines) == f"Priya: {text}"
    assert all(one.end_s <= other.start_s for one, other in pairwise(cues))


def test_a_cue_ends_at_a_pause() -> None:
    one, other = segment(1, "Wait", 0, 1), segment(2, "here", 3, 4)
    joined = one.model_copy(update={"end_s": 4.0, "words": [*one.words, *other.words]})
    assert [(cue.start_s, cue.end_s, cue.lines) for cue in cues_of([joined], names_in_text=False)] == [
        (0.0, 1.0, ("Wait",)),
        (3.0, 4.0, ("here",)),
    ]


def test_a_word_longer_than_a_line_is_cut() -> None:
    cues = cues_of([segment(1, "o" * 130, 0, 4)], names_in_text=False)
    assert "".join(line for cue in cues for line in cue.lines) == "o" * 130
    assert all(len(line) <= LINE_CHARACTERS for cue in cues for line in cue.lines)


def test_a_speaker_is_named_once_per_turn() -> None:
    cues = cues_of([segment(1, "One.", 0, 1, "Leo"), segment(2, "Two.", 1, 2, "Leo")], names_in_text=True)
    assert [cue.lines for cue in cues] == [("Leo: One.",), ("Two.",)]
