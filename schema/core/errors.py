"""Every error a user can meet, as one tree. A message names the value at fault and the remedy.

MinutebookError
├── InvalidInput            the request can never succeed as it is
│   ├── InvalidAudio        not PCM16 at 16 kHz mono, odd or empty, or too large
│   ├── UnknownLanguage     the model does not know the language
│   ├── UnknownAdapter      no adapter of that name in the registry
│   ├── TooLarge            more bytes than are taken
│   ├── ChecksumMismatch    the bytes that came are not those that were sent
│   ├── InvalidData         training data that cannot be used; names file and line
│   │   └── DataOverlap     what is measured on was learnt from
│   ├── InvalidConfig       the settings of a training run cannot work
│   ├── PromptTooLong       a prompt and its answer do not fit the model's context; split the text
│   └── DecodeError         bytes from outside that do not parse
├── NotFound                no such meeting, track or adapter (for this key)
│   └── MailboxMissing      Redis knows nothing of the track; open its mailbox from the database
├── Gone                    the meeting was deleted
├── Conflict                the request contradicts the state of the meeting
│   ├── AudioGap            audio would leave a gap; says the position expected
│   ├── AudioTooFar         a position past what a meeting can hold
│   ├── AudioTrimmed        audio that a worker wants to read is no longer in the mailbox
│   ├── TrackClosed         audio after finish
│   ├── NoGain              the gate: a version is not better than the one that serves
│   ├── WrongOffset         a piece of a file that does not go on where the file ends; says where that is
│   ├── SegmentOpen         a correction of a segment that is still being spoken
│   ├── VersionMismatch     a change of what somebody else has changed meanwhile; says what it is now
│   ├── AudioNotKept        a transcript cannot be made again, since there is no recording to make it of
│   └── Outdated            another worker took over: this commit or release is refused
├── Backlogged              the mailbox is full; wait and resend (retryable)
├── Unauthorized            no key, or a wrong one
├── Forbidden               the key lacks the scope
├── RateLimited             too many requests (retryable)
├── Unavailable             Redis or the database cannot be reached or written (retryable)
├── StorageFull             no room for a file (retryable)
├── WorkerLost              the process died over the same work, time and again
├── TrainingError           a training run cannot go on
│   ├── NotFinite           the loss is no number; says the examples
│   ├── OutOfMemory         not even one example fits
│   ├── BrokenCheckpoint    the checkpoint is not whole, and there is none before it
│   └── Interrupted         somebody stopped it; says how to go on
└── ModelError              a model cannot be loaded or run
    ├── UnknownModel        the reference is no package, folder or hub name within reach
    ├── UnknownPrecision    not one of float32, bfloat16, int8, int4, auto
    ├── UnsupportedPrecision  this machine cannot run it
    ├── BrokenModel         files missing, or the checksum differs
    └── AdapterMismatch     the adapter was trained for another base model
"""

from __future__ import annotations

from typing import ClassVar


class MinutebookError(Exception):
    """Base of all. `slug` names the problem type, `status` is the HTTP status, `retryable` says if waiting helps."""

    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts
        """Machine-readable values that belong to the error, such as `expected_sample`."""


class InvalidInput(MinutebookError):
    slug, title, status = "invalid-input", "The request is not valid", 422


class InvalidAudio(InvalidInput):
    slug, title = "invalid-audio", "The audio is not 16 kHz mono signed 16-bit PCM"


class UnknownLanguage(InvalidInput):
    slug, title = "unknown-language", "The model does not know this language"


class UnknownAdapter(InvalidInput):
    slug, title = "unknown-adapter", "No such adapter"


class TooLarge(InvalidInput):
    """Carries `limit_bytes`."""

    slug, title, status = "too-large", "Content Too Large", 413


class ChecksumMismatch(InvalidInput):
    """460 is the status that the tus protocol gives it."""

    slug, title, status, retryable = "checksum-mismatch", "The bytes do not match their checksum", 460, True


class InvalidData(InvalidInput):
    slug, title = "invalid-data", "The data cannot be trained or measured on"


class DataOverlap(InvalidData):
    slug, title = "data-overlap", "Training and test data overlap"


class InvalidConfig(InvalidInput):
    slug, title = "invalid-config", "The settings of the run cannot work"


class PromptTooLong(InvalidInput):
    slug, title = "prompt-too-long", "The text does not fit the model's context"


class DecodeError(InvalidInput):
    slug, title, status = "undecodable", "The message could not be decoded", 400


class NotFound(MinutebookError):
    slug, title, status = "not-found", "Not found", 404


class MailboxMissing(NotFound):
    """Carries `track_id`. After Redis lost its data every mailbox is opened again from what SQL has committed."""

    slug, title, status, retryable = "mailbox-missing", "The track has no mailbox", 503, True


class Gone(MinutebookError):
    slug, title, status = "gone", "Deleted", 410


class Conflict(MinutebookError):
    slug, title, status = "conflict", "The request contradicts the state of the meeting", 409


class AudioGap(Conflict):
    """Carries `expected_sample`, where the producer must go on (or skip on purpose)."""

    slug, title = "audio-gap", "The audio would leave a gap"


class AudioTooFar(Conflict):
    slug, title = "audio-too-far", "The position is beyond what a meeting can hold"


class AudioTrimmed(Conflict):
    """Carries `first_sample`, the first position that can be read."""

    slug, title = "audio-trimmed", "The audio is no longer in the mailbox"


class TrackClosed(Conflict):
    slug, title = "track-closed", "The track takes no more audio"


class NoGain(Conflict):
    """Carries the gate's figures."""

    slug, title = "no-gain", "The adapter is not better than what serves"


class WrongOffset(Conflict):
    """Carries `expected_offset`, where the file goes on."""

    slug, title, retryable = "wrong-offset", "The file does not go on there", True


class SegmentOpen(Conflict):
    slug, title, retryable = "segment-open", "The segment is still being spoken", True


class VersionMismatch(Conflict):
    """Carries `current_version`, and what the thing is now."""

    slug, title, status = "version-mismatch", "It was changed meanwhile", 412


class AudioNotKept(Conflict):
    slug, title = "audio-not-kept", "There is no recording to read again"


class Outdated(Conflict):
    slug, title = "outdated", "Another worker has taken over"


class Backlogged(MinutebookError):
    """Carries `received_sample` and `retry_after_ms`."""

    slug, title, status, retryable = "backlogged", "The mailbox is full; wait and resend", 429, True


class Unauthorized(MinutebookError):
    slug, title, status = "unauthorized", "A valid API key is needed", 401


class Forbidden(MinutebookError):
    slug, title, status = "forbidden", "The API key lacks a scope", 403


class RateLimited(MinutebookError):
    slug, title, status, retryable = "rate-limited", "Too many requests", 429, True


class Unavailable(MinutebookError):
    slug, title, status, retryable = "unavailable", "A part of the system cannot be reached", 503, True


class StorageFull(MinutebookError):
    slug, title, status, retryable = "storage-full", "There is no room for the file", 507, True


class WorkerLost(MinutebookError):
    """Carries `attempts`, how often it was tried."""

    slug, title = "worker-lost", "The worker did not survive this work"


class TrainingError(MinutebookError):
    slug, title = "training-error", "The training run cannot go on"


class NotFinite(TrainingError):
    """Carries `ids`, those of the examples in the batch."""

    slug, title = "not-finite", "The loss is no number"


class OutOfMemory(TrainingError):
    slug, title = "out-of-memory", "The run does not fit in memory"


class BrokenCheckpoint(TrainingError):
    slug, title = "broken-checkpoint", "The checkpoint is incomplete or damaged"


class Interrupted(TrainingError):
    slug, title = "interrupted", "The run was stopped"


class ModelError(MinutebookError):
    slug, title = "model-error", "The model cannot be used"


class UnknownModel(ModelError):
    slug, title, status = "unknown-model", "No such model", 422


class UnknownPrecision(ModelError):
    slug, title, status = "unknown-precision", "No such precision", 422


class UnsupportedPrecision(ModelError):
    slug, title = "unsupported-precision", "This machine cannot run the model in this precision"


class BrokenModel(ModelError):
    slug, title = "broken-model", "The model's files are incomplete or damaged"


class AdapterMismatch(ModelError):
    slug, title, status = "adapter-mismatch", "The adapter does not fit the base model", 422
