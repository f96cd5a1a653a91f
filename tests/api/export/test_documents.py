"""Exports, compared letter by letter."""

from __future__ import annotations

import io
import json
import unicodedata
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml

from api.export.documents import Export, ExportFormat, to_json, to_markdown, to_text
from api.export.routes import WRITERS
from api.export.subtitles import to_srt, to_vtt
from schema.core.states import DateSource, MeetingState, SummaryKind
from schema.meetings.wire import CoverageTotals, MeetingOut, MinutesOut, SegmentOut, WordOut
from schema.minutes.minutes import Action, Chapter, Minutes, Sentence


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
        started_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        started_at_source=DateSource.CREATED,
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

### Decisions

- The launch moves to Monday. (0:00, 1:05)

### Actions

- **Priya**: Reviews the fix (due: Thursday; 1:05)
- nobody named: Orders a disk by Friday [unsupported]

### Launch \\*date\\* (0:00–0:12)

- The launch moves to Monday. (0:00, 1:05)

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

Decisions
---------

- The launch moves to Monday. (0:00, 1:05)

Actions
-------

- Priya: Reviews the fix (due: Thursday; 1:05)
- nobody named: Orders a disk by Friday [unsupported]

Launch *date* (0:00–0:12)
-------------------------

- The launch moves to Monday. (0:00, 1:05)

Transcript
----------

0:00 Leo: We move the <launch> to Monday.

1:05 Priya: Priya reviews the fix on Thursday.
"""


def test_the_markdown_export_is_exactly_as_expected() -> None:
    assert to_markdown(EXPORT) == MARKDOWN


def test_the_text_export_is_exactly_as_expected() -> None:
    assert to_text(EXPORT) == TEXT


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
    assert to_srt(nothing).startswith("1\n00:00:00,000 --> 00:00:04,000\nAudio: 12.0 s received")
    assert to_vtt(nothing).startswith("WEBVTT\n")


MARKUP = [
    "# heading",
    "## a ##",
    "- item",
    "+ item",
    "---",
    "1. first",
    "2) second",
    "> quote",
    "[a](javascript:alert(1))",
    "![x](http://127.0.0.1/x.png)",
    "<script>alert(1)</script>",
    "<http://example.org>",
    "*bold* __bold__ _it_ ~~gone~~ ~gone~",
    "`code` ```code```",
    "a | b",
    "&lt;b&gt; &#35; &amp;",
    "back\\slash \\* \\<b> end\\",
    "[x]: http://example.org",
    "- [ ] task",
    "C #",
    "=====",
]
READABLE = [
    "Jour fixe 12.3. mit Kunden",
    "We paid 5 - 6 % more (at least), didn't we?",
    "The file snake_case.py & the R&D team: C# + C++ = 2!",
    "1.5 hours; #3 of 7; -5 degrees; v1.2",
    "C:\\temp is full",
]


@pytest.mark.parametrize("text", [*MARKUP, *READABLE])
def test_markdown_shows_titles_names_and_words_letter_by_letter(text: str) -> None:
    """Read by another program: no tag comes from the text, and nothing of it is lost."""
    sentence = Sentence(text, (), 0.9, True)
    made = minutes().model_copy(update={"minutes": Minutes(overview=(sentence,), actions=(Action(text, text),))})
    segments = [segment(1, text, 0, 1, text), segment(2, text, 1, 2)]
    markdown = to_markdown(Export(meeting=meeting(title=text), minutes=made, segments=segments))
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)
    assert f"<h1>{escapeHtml(text)}</h1>" in html
    assert f"<li>{escapeHtml(text)}</li>" in html
    assert f"<li><strong>{escapeHtml(text)}</strong>: {escapeHtml(text)} [unsupported]</li>" in html
    assert f"<p>0:00 <strong>{escapeHtml(text)}</strong>: {escapeHtml(text)}</p>" in html
    assert f"<p>0:01 {escapeHtml(text)}</p>" in html


@pytest.mark.parametrize("text", READABLE)
def test_markdown_leaves_text_without_markup_as_it_is(text: str) -> None:
    assert f"# {text}\n" in to_markdown(Export(meeting=meeting(title=text), minutes=None, segments=[]))


def test_every_export_tells_what_became_of_the_audio() -> None:
    written = {form: write(EXPORT) for form, (write, _) in WRITERS.items()}
    assert set(written) == set(ExportFormat)
    for form in (ExportFormat.MD, ExportFormat.TXT, ExportFormat.VTT):
        assert "12.0 s received: 9.5 s transcribed, 2.0 s silent, 0.5 s failed" in str(written[form])
    assert "12.0 s received: 9.5 s transcribed,\n2.0 s silent, 0.5 s failed" in str(written[ExportFormat.SRT])
    assert json.loads(written[ExportFormat.JSON])["meeting"]["coverage"]["failed_s"] == 0.5
    document = written[ExportFormat.DOCX]
    assert isinstance(document, bytes)
    assert "0.5 s failed" in zipfile.ZipFile(io.BytesIO(document)).read("word/document.xml").decode()


def test_a_row_of_an_earlier_version_cannot_change_the_terminal_that_shows_its_export() -> None:
    spoken = segment(1, "Wipe \x1b[2J\x9b2J it.", 0, 2, "Leo\x1b]0;x\x07")
    old = Export(meeting=meeting(title="\x1b[31mred\n# title\u202e"), minutes=None, segments=[spoken])
    for form, (write, _) in WRITERS.items():
        if form != ExportFormat.DOCX:
            lines = str(write(old)).split("\n")
            assert all(not unicodedata.category(each).startswith("Cc") for line in lines for each in line), form
            assert "\u202e" not in "".join(lines)


@pytest.mark.parametrize(
    ("written", "spoken", "labels"),
    [
        ("de", "en", ("## Protokoll", "### Beschlüsse", "## Mitschrift")),
        (None, "fr", ("## Compte rendu", "### Décisions", "## Transcription")),
        ("es", "auto", ("## Acta", "### Decisiones", "## Transcripción")),
        ("sv", "en", ("## Minutes", "### Decisions", "## Transcript")),
        (None, "auto", ("## Minutes", "### Decisions", "## Transcript")),
    ],
)
def test_labels_are_in_the_language_of_the_minutes(written: str | None, spoken: str, labels: tuple[str, ...]) -> None:
    found = minutes()
    body = replace(found.minutes, decisions=(Sentence("Ja.", (1,), 0.9, True),), language=written)
    export = Export(
        meeting=meeting().model_copy(update={"language": spoken}),
        minutes=found.model_copy(update={"minutes": body}),
        segments=[segment(1, "Yes.", 0, 1)],
    )
    lines = to_markdown(export).splitlines()
    assert [label for label in labels if label not in lines] == []


def test_minutes_that_could_not_be_translated_say_so() -> None:
    found = minutes()
    told = found.model_copy(update={"minutes": replace(found.minutes, wanted_language="de")})
    export = Export(meeting=meeting(), minutes=told, segments=[])
    assert "asked for in another language (de). The writer here cannot translate" in to_text(export)
    assert "asked for" not in to_text(Export(meeting=meeting(), minutes=found, segments=[]))
