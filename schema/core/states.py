"""States and kinds. Every change of a state is a conditional update, so that it happens only once."""

from __future__ import annotations

from enum import StrEnum


class MeetingState(StrEnum):
    """`live` accepts audio, `draining` transcribes the rest of it, `summarizing` writes the final minutes."""

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
    """`batch` tracks come from files. They fill the places in a step that live tracks leave free."""

    LIVE = "live"
    BATCH = "batch"


class CoverageKind(StrEnum):
    """What became of a span of audio. A span that no row covers yet is pending.

    `missing` means that the producer lost the audio, `failed` that it could not be transcribed, and `shed` that it was
    given up under load.
    """

    TRANSCRIBED = "transcribed"
    SILENT = "silent"
    MISSING = "missing"
    FAILED = "failed"
    SHED = "shed"


class SummaryKind(StrEnum):
    ROLLING = "rolling"
    FINAL = "final"


class UploadState(StrEnum):
    """The file is still arriving (`receiving`), is stored (`queued`), is being put into mailboxes (`decoding`), or is
    in them completely (`transcribing`). The other states are final."""

    RECEIVING = "receiving"
    QUEUED = "queued"
    DECODING = "decoding"
    TRANSCRIBING = "transcribing"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Channels(StrEnum):
    """`mix` makes one track of the whole file, `speakers` one track per channel."""

    MIX = "mix"
    SPEAKERS = "speakers"


class Scope(StrEnum):
    """The rights of an API key. `admin` includes the others and sees the meetings of all owners."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class AdapterTask(StrEnum):
    """What an adapter is for: `asr` transcribes audio, `summary` writes notes for the minutes."""

    ASR = "asr"
    SUMMARY = "summary"


class AdapterState(StrEnum):
    """A version is published as a `draft`. While it is `active`, it serves the meetings that give its name. Once
    replaced or withdrawn it is `retired`."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


class AdapterMove(StrEnum):
    """A decision about a version."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    RETIRE = "retire"
