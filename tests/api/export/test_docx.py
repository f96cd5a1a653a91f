"""DOCX exports, read back with python-docx."""

from __future__ import annotations

import io

from docx import Document

from api.export.documents import Export
from api.export.docx import to_docx
from schema.core.states import SummaryKind
from tests.api.conftest import Api
from tests.api.database_rows import add_minutes, add_segment
from tests.api.export.test_documents import EXPORT, meeting, minutes

LINES = [
    ("Title", "Launch"),
    ("Normal", "2026-03-02 09:30 UTC, finished"),
    ("Normal", "Audio: 12.0 s received: 9.5 s transcribed, 2.0 s silent, 0.5 s failed"),
    ("Heading 1", "Minutes"),
    ("Heading 2", "Overview"),
    ("List Bullet", "The launch moves to Monday. (0:00, 1:05)"),
    ("List Bullet", "Everybody is happy. [unsupported]"),
    ("Heading 2", "Decisions"),
    ("List Bullet", "The launch moves to Monday. (0:00, 1:05)"),
    ("Heading 2", "Actions"),
    ("List Bullet", "Priya: Reviews the fix (due: Thursday; 1:05)"),
    ("List Bullet", "nobody named: Orders a disk by Friday [unsupported]"),
    ("Heading 2", "Launch *date* (0:00–0:12)"),
    ("List Bullet", "The launch moves to Monday. (0:00, 1:05)"),
    ("Heading 1", "Transcript"),
    ("Normal", "0:00 Leo: We move the <launch> to Monday."),
    ("Normal", "1:05 Priya: Priya reviews the fix on Thursday."),
]


def lines(docx: bytes) -> list[tuple[str, str]]:
    return [(str(each.style and each.style.name), each.text) for each in Document(io.BytesIO(docx)).paragraphs]


def test_a_docx_contains_coverage_minutes_with_evidence_and_the_transcript() -> None:
    assert lines(to_docx(EXPORT)) == LINES


def test_names_of_speakers_and_owners_are_bold() -> None:
    document = Document(io.BytesIO(to_docx(EXPORT)))
    assert [run.text for each in document.paragraphs for run in each.runs if run.bold] == ["Priya", "Leo", "Priya"]


def test_the_same_meeting_always_gives_the_same_bytes_with_its_own_time() -> None:
    assert to_docx(EXPORT) == to_docx(EXPORT)
    properties = Document(io.BytesIO(to_docx(EXPORT))).core_properties
    assert properties.created == EXPORT.meeting.created_at
    assert (properties.title, properties.author) == ("Launch", "Minutebook")


def test_rolling_minutes_name_their_extent_and_an_empty_meeting_has_only_a_title() -> None:
    rolling = EXPORT.model_copy(update={"minutes": minutes(SummaryKind.ROLLING)})
    assert ("Heading 1", "Minutes so far (version 3, through 0:12)") in lines(to_docx(rolling))
    nothing = Export(meeting=meeting(title=""), minutes=None, segments=[])
    assert [text for _, text in lines(to_docx(nothing))][::3] == ["Meeting m1", "Transcript"]


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    odd = EXPORT.model_copy(update={"meeting": meeting(title="A\x07 <b>\x1b\ufffe title")})
    assert lines(to_docx(odd))[0] == ("Title", "A\ufffd <b>\ufffd\ufffd title")


def test_the_api_returns_docx_as_a_named_file(api: Api) -> None:
    meeting_id = api.create(title="Launch")
    add_segment(api.database, meeting_id, "Good morning.")
    add_minutes(api.database, meeting_id, "Somebody greets.", kind=SummaryKind.FINAL)
    answer = api.http.get(f"/v1/meetings/{meeting_id}/export", params={"format": "docx"})
    assert answer.headers["content-type"].endswith("wordprocessingml.document")
    assert f'attachment; filename="meeting-{meeting_id}.docx"' in answer.headers["content-disposition"]
    texts = [text for _, text in lines(answer.content)]
    assert {"Somebody greets. [unsupported]", "0:00 Good morning."} <= set(texts)
