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
    """A move of a meeting, and who makes it. `schema.meetings.lifecycle` lists the states that it starts from."""

    FINISH = "finish"
    """It accepts no more audio. Made by its owner, by the sweep when idle, or by an ingest worker after a file."""
    REOPEN = "reopen"
    """Redis has lost audio of its file, which is decoded again. Made by an ingest worker."""
    SUMMARIZE = "summarize"
    """All of its audio is transcribed. Made by the transcribe worker that commits the end, or later by the sweep."""
    COMPLETE = "complete"
    """Its final minutes are written. Made by a summarize worker, in the transaction that writes them."""
    DELETE = "delete"
    """Its content is deleted. Made by its owner, by whoever ends its upload, or by the sweep after a crash."""


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


class DateSource(StrEnum):
    """Where the start of a meeting comes from: its caller, the tags of the recording, the time of the file's last
    change, or the creation of the meeting."""

    CALLER = "caller"
    RECORDING = "recording"
    FILE = "file"
    CREATED = "created"


class TitleSource(StrEnum):
    """Where the title of a recording's meeting comes from."""

    CALLER = "caller"
    TAG = "tag"
    FILE_NAME = "file_name"
    CONTENT = "content"


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


class Origin(StrEnum):
    """How a correction was made. `carried` ones were copied from another version of the meeting."""

    EDITED = "edited"
    RENAMED = "renamed"
    UNDONE = "undone"
    CARRIED = "carried"


class SpeakerSource(StrEnum):
    """Who said who speaks: the `track`, the `voice` while the meeting runs, all voices together at its `end`, or a
    `person`. What a person said stays."""

    TRACK = "track"
    VOICE = "voice"
    END = "end"
    PERSON = "person"


class WebhookEvent(StrEnum):
    """The events that a webhook can subscribe to. Each event of a meeting is announced once."""

    MEETING_FINISHED = "meeting.finished"
    MINUTES_FINAL = "minutes.final"
    UPLOAD_FAILED = "upload.failed"


class DeliveryState(StrEnum):
    """A `pending` message is sent until a receiver accepts it (`delivered`) or the attempts run out (`dead`).

    Delivered and dead messages can be replayed.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Channels(StrEnum):
    """`mix` makes one track of the whole file, `speakers` one track per channel."""

    MIX = "mix"
    SPEAKERS = "speakers"


AUTO_STREAMS, ALL_STREAMS = "auto", "all"
"""Which sound streams of a file are read: the program chooses, or all of them."""


class Scope(StrEnum):
    """The rights of an API key. `admin` includes the others and sees the meetings of all owners. `metrics` reads what
    Prometheus collects, which names no meeting."""

    READ = "read"
    WRITE = "write"
    METRICS = "metrics"
    ADMIN = "admin"


class ShareScope(StrEnum):
    """What a share link shows: the minutes, also the transcript, or also the audio."""

    MINUTES = "minutes"
    TRANSCRIPT = "transcript"
    AUDIO = "audio"


class WorkerState(StrEnum):
    """What a worker does with its queues, as seen by operators."""

    STARTING = "starting"
    """Not all processes of its pool have loaded their models."""
    RUNNING = "running"
    DRAINING = "draining"
    """It takes no more work, and finishes what it has."""
    DRAINED = "drained"
    """It takes no more work, and has none."""
    RESTARTING = "restarting"
    """It ends when what it has is finished. Its supervisor then starts it again."""
    LOST = "lost"
    """It has said nothing for several seconds: it was killed, it hangs, or it cannot reach Redis."""


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
