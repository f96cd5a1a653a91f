"""Life cycles and kinds. Every move is a conditional update, so that it happens once."""

from __future__ import annotations

from enum import StrEnum


class MeetingState(StrEnum):
    """`live` takes audio; `draining` transcribes what is left; `summarizing` writes the final minutes."""

    LIVE = "live"
    DRAINING = "draining"
    SUMMARIZING = "summarizing"
    FINISHED = "finished"
    DELETED = "deleted"


class MeetingMove(StrEnum):
    """What happens to a meeting, and who does it. `schema.meetings.lifecycle` says from which states."""

    FINISH = "finish"
    """It takes no more audio. By its owner; by the sweep, when no audio comes; by an ingest worker at a file's end."""
    SUMMARIZE = "summarize"
    """All of its audio is transcribed. By the transcribe worker that commits the end, or by the sweep after it."""
    COMPLETE = "complete"
    """Its final minutes are written. By a summarize worker, in the transaction that writes them."""
    DELETE = "delete"
    """Nothing of it is kept. By its owner; by whoever ends its upload; by the sweep, after a crash."""


class TrackKind(StrEnum):
    """`batch` tracks fill the places in a step that live ones leave free."""

    LIVE = "live"
    BATCH = "batch"


class CoverageKind(StrEnum):
    """What became of a span of audio. What is in no row yet is pending."""

    TRANSCRIBED = "transcribed"
    SILENT = "silent"
    MISSING = "missing"
    FAILED = "failed"
    SHED = "shed"


class SummaryKind(StrEnum):
    ROLLING = "rolling"
    FINAL = "final"


class UploadState(StrEnum):
    """`queued` is stored whole; `decoding` goes into mailboxes; `transcribing` is in them whole; the rest are ends."""

    RECEIVING = "receiving"
    QUEUED = "queued"
    DECODING = "decoding"
    TRANSCRIBING = "transcribing"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Channels(StrEnum):
    """`mix` makes one track of a file; `speakers` one of each channel."""

    MIX = "mix"
    SPEAKERS = "speakers"


class Scope(StrEnum):
    """What an API key may do. `admin` includes the others and sees every owner's meetings."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class AdapterTask(StrEnum):
    """What an adapter is for: reading audio, or writing minutes."""

    ASR = "asr"
    SUMMARY = "summary"


class AdapterState(StrEnum):
    """A version is published as a `draft`, serves who gives its name while it is `active`, and was replaced or given up
    when `retired`."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


class AdapterMove(StrEnum):
    """What was decided about a version."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    RETIRE = "retire"
