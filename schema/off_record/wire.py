"""Wire types of the routes for passages off the record."""

from __future__ import annotations

from enum import StrEnum

from pydantic import ConfigDict

from schema.core.wire import Wire
from schema.typed_notes.wire import Moment


class OffRecordSource(StrEnum):
    """Who took a passage out of the minutes: a person through the API, or somebody who said so in the meeting."""

    MARKED = "marked"
    SPOKEN = "spoken"


class NewOffRecord(Wire):
    """A passage to keep out of the minutes. It begins now and stays open unless other moments are given."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"start_s": 750, "end_s": 840}]})
    start_s: Moment | None = None
    end_s: Moment | None = None


class OffRecordEnd(Wire):
    """The end of an open passage, by default now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"end_s": 840}]})
    end_s: Moment | None = None


class OffRecordOut(Wire):
    """A passage that is not for the minutes. Without `end_s` it is still open. One that was spoken has no `id`."""

    id: int | None
    start_s: float
    end_s: float | None
    source: OffRecordSource


class OffRecordList(Wire):
    """In order of time."""

    off_record: list[OffRecordOut]
