"""A meeting as a DOCX file: title, coverage, minutes with the times of their evidence, and transcript.

The same meeting always gives the same bytes, so that files can be compared and cached by checksum.
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC

from docx import Document
from docx.document import Document as Doc

from api.export.documents import Export
from api.export.labels import Labels
from api.export.outline import MinutesLine
from api.export.phrases import (
    authors_line,
    clock,
    coverage_line,
    date_line,
    has_text,
    minutes_heading,
    off_record_mark,
    untranslated_note,
)
from schema.meetings.wire import SegmentOut

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not allow, such as control characters in a title."""


def to_docx(export: Export) -> bytes:
    document = Document()
    _set_properties(document, export)
    meeting, labels = export.meeting, export.labels
    document.add_heading(_clean(_title(export)), 0)
    document.add_paragraph(date_line(meeting, labels))
    document.add_paragraph(f"{labels.audio}: {coverage_line(meeting.coverage)}")
    if made := authors_line(meeting.made_by, labels):
        document.add_paragraph(made)
    _add_minutes(document, export)
    document.add_heading(labels.transcript, 1)
    for segment in filter(has_text, export.segments):
        _add_segment(document, segment, labels)
    return _pack(document)


def _title(export: Export) -> str:
    return export.meeting.title or export.labels.meeting.format(export.meeting.id)


def _set_properties(document: Doc, export: Export) -> None:
    """Replace the properties of the template, which name the template's own author and date."""
    properties = document.core_properties
    properties.title = _clean(_title(export))[:255]
    properties.author = properties.last_modified_by = "Minutebook"
    properties.comments = ""
    properties.language = export.meeting.language
    started_at = export.meeting.started_at.astimezone(UTC)
    properties.created = properties.modified = started_at.replace(tzinfo=None, microsecond=0)


def _add_minutes(document: Doc, export: Export) -> None:
    if export.minutes is not None:
        document.add_heading(minutes_heading(export.minutes, export.labels), 1)
        if told := untranslated_note(export.minutes, export.labels):
            document.add_paragraph(told)
    for section in export.sections():
        document.add_heading(_clean(section.heading), 2)
        for line in section.lines:
            _add_line(document, line, export.labels)


def _add_line(document: Doc, line: MinutesLine, labels: Labels) -> None:
    paragraph = document.add_paragraph(style="List Bullet")
    if line.owner:
        paragraph.add_run(_clean(line.owner)).bold = line.owner != labels.nobody
        paragraph.add_run(": " if line.colon else " ")
    paragraph.add_run(_clean(line.text))
    for note in (_clean(line.note), "" if line.supported else labels.unsupported):
        if note:
            paragraph.add_run(f" {note}").italic = True


def _add_segment(document: Doc, segment: SegmentOut, labels: Labels) -> None:
    line = document.add_paragraph(f"{clock(segment.start_s)} ")
    if segment.speaker:
        line.add_run(_clean(segment.speaker)).bold = True
        line.add_run(": ")
    line.add_run(_clean(segment.text))
    line.add_run(off_record_mark(segment, labels)).italic = True


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
