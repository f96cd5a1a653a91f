"""A meeting as a DOCX file: title, coverage, minutes with the times of their evidence, and transcript.

The same meeting always gives the same bytes, so that files can be compared and cached by checksum.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC

from docx import Document
from docx.document import Document as Doc

from api.export.documents import Export
from api.export.phrases import (
    NOBODY,
    authors_line,
    chapter_heading,
    clock,
    coverage_line,
    date_line,
    due_note,
    evidence_note,
    has_text,
    minutes_heading,
)
from schema.meetings.wire import MinutesOut, SegmentOut
from schema.minutes.minutes import Action, Sentence, without_gaps

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not allow, such as control characters in a title."""


def to_docx(export: Export) -> bytes:
    document = Document()
    _set_properties(document, export)
    meeting = export.meeting
    document.add_heading(_clean(_title(export)), 0)
    document.add_paragraph(date_line(meeting))
    document.add_paragraph(f"Audio: {coverage_line(meeting.coverage)}")
    if made := authors_line(meeting.made_by):
        document.add_paragraph(made)
    if export.minutes is not None:
        _add_minutes(document, export.minutes, {each.id: each.start_s for each in export.segments})
    document.add_heading("Transcript", 1)
    for segment in filter(has_text, export.segments):
        _add_segment(document, segment)
    return _pack(document)


def _title(export: Export) -> str:
    return export.meeting.title or f"Meeting {export.meeting.id}"


def _set_properties(document: Doc, export: Export) -> None:
    """Replace the properties of the template, which name the template's own author and date."""
    properties = document.core_properties
    properties.title = _clean(_title(export))[:255]
    properties.author = properties.last_modified_by = "Minutebook"
    properties.comments = ""
    properties.language = export.meeting.language
    started_at = export.meeting.started_at.astimezone(UTC)
    properties.created = properties.modified = started_at.replace(tzinfo=None, microsecond=0)


def _add_minutes(document: Doc, minutes: MinutesOut, starts_s: dict[int, float]) -> None:
    document.add_heading(minutes_heading(minutes), 1)
    body = without_gaps(minutes.minutes)
    _add_sentences(document, "Overview", body.overview, starts_s)
    for chapter in body.chapters:
        _add_sentences(document, chapter_heading(chapter), chapter.sentences, starts_s)
    _add_sentences(document, "Decisions", body.decisions, starts_s)
    if body.actions:
        document.add_heading("Actions", 2)
    for action in body.actions:
        _add_action(document, action, starts_s)


def _add_sentences(document: Doc, heading: str, sentences: Sequence[Sentence], starts_s: dict[int, float]) -> None:
    if sentences:
        document.add_heading(_clean(heading), 2)
    for sentence in sentences:
        line = document.add_paragraph(_clean(sentence.text), "List Bullet")
        line.add_run(evidence_note(sentence, starts_s)).italic = True


def _add_action(document: Doc, action: Action, starts_s: dict[int, float]) -> None:
    line = document.add_paragraph(style="List Bullet")
    line.add_run(_clean(action.owner or NOBODY)).bold = action.owner is not None
    line.add_run(f": {_clean(action.text)}")
    if due_note(action):
        line.add_run(f" {_clean(due_note(action))}")
    line.add_run(evidence_note(action, starts_s)).italic = True


def _add_segment(document: Doc, segment: SegmentOut) -> None:
    line = document.add_paragraph(f"{clock(segment.start_s)} ")
    if segment.speaker:
        line.add_run(_clean(segment.speaker)).bold = True
        line.add_run(": ")
    line.add_run(_clean(segment.text))


def _clean(text: str) -> str:
    return " ".join(_NOT_XML.sub(" ", text).split())


def _pack(document: Doc) -> bytes:
    """The file, without the times at which its parts were written."""
    written, packed = io.BytesIO(), io.BytesIO()
    document.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = zipfile.ZipInfo(name, ZIP_EPOCH)
            part.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(part, source.read(name))
    return packed.getvalue()
