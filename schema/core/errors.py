"""Every error that a user can meet, as one tree. A message names the value at fault and the remedy.

MinutebookError
├── InvalidInput            the request can never succeed as it is
│   ├── InvalidAudio        the audio is not PCM16 at 16 kHz mono, has an odd number of bytes, is empty, or is too large
│   ├── UnknownLanguage     the model does not know the language
│   ├── UnknownAdapter      the registry has no adapter of that name
│   ├── TooLarge            the request has more bytes than the limit allows
│   ├── BeyondEnd           the part of a file that is asked for is not there; the error gives its size
│   ├── ChecksumMismatch    the received bytes do not match the checksum that was sent with them
│   ├── InvalidData         training data cannot be used; the message names file and line
│   │   └── DataOverlap     the test data contains data that the model was trained on
│   ├── InvalidConfig       the settings of a training run cannot work
│   ├── PromptTooLong       a prompt and its answer do not fit the model's context; split the text
│   └── DecodeError         bytes from outside do not parse
├── NotFound                there is no such meeting, track or adapter, or it belongs to another key
│   └── MailboxMissing      Redis does not know the track; its mailbox must be opened again from the database
├── Gone                    the meeting was deleted
├── Conflict                the request contradicts the current state
│   ├── AudioGap            the audio would leave a gap; the error gives the position that is expected
│   ├── AudioTooFar         the position is beyond the longest possible meeting
│   ├── AudioTrimmed        the audio that a worker wants to read is no longer in the mailbox
│   ├── TrackClosed         audio arrived after the track was finished
│   ├── NoGain              the gate found that the new adapter version is not better than the active one
│   ├── WrongOffset         a piece of a file does not begin where the stored part ends; the error says where that is
│   ├── SegmentOpen         the segment to correct is still being spoken
│   ├── VersionMismatch     somebody else changed it in the meantime; the error gives the current version
│   ├── AudioNotKept        the recording was not kept, so it cannot be transcribed again
│   └── Outdated            another worker took over, so this commit or release is refused
├── Backlogged              the mailbox is full; wait and resend (retryable)
├── Unauthorized            the API key is missing or wrong
├── Forbidden               the API key lacks the scope
├── RateLimited             there were too many requests (retryable)
├── Unavailable             Redis or the database cannot be reached or written (retryable)
├── StorageFull             there is no room for a file (retryable)
├── WorkerLost              the process died on the same work several times
├── TrainingError           a training run cannot continue
│   ├── NotFinite           the loss is not a finite number; the error lists the examples
│   ├── OutOfMemory         not even one example fits in memory
│   ├── BrokenCheckpoint    the checkpoint is damaged and there is no earlier one
│   └── Interrupted         somebody stopped the run; the message says how to resume it
└── ModelError              a model cannot be loaded or run
    ├── UnknownModel        the reference is not a known package, a folder or a reachable hub name
    ├── UnknownPrecision    the precision is not one of auto, float32, bfloat16, float16, int8, int4
    ├── UnsupportedPrecision  this machine cannot run the model in this precision
    ├── BrokenModel         files are missing or do not match their checksums
    └── AdapterMismatch     the adapter was trained for another base model
"""

from __future__ import annotations

from typing import ClassVar

from schema.core.lines import shown


class MinutebookError(Exception):
    """The base class. `slug` names the problem type, `status` is the HTTP status, `retryable` says if waiting helps."""

    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, **facts: object) -> None:
        # It may quote what somebody sent, and goes to terminals and logs.
        self.detail = "\n".join(map(shown, detail.split("\n")))
        super().__init__(self.detail)
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


class UnsupportedMediaType(InvalidInput):
    slug, title, status = "unsupported-media-type", "Unsupported Media Type", 415


class BeyondEnd(InvalidInput):
    """Carries `size_bytes`."""

    slug, title, status = "beyond-end", "Range Not Satisfiable", 416


class ChecksumMismatch(InvalidInput):
    """The tus protocol defines the status 460 for this."""

    slug, title, status, retryable = "checksum-mismatch", "The bytes do not match their checksum", 460, True


class InvalidData(InvalidInput):
    slug, title = "invalid-data", "The data cannot be used for training or evaluation"


class DataOverlap(InvalidData):
    slug, title = "data-overlap", "Training and test data overlap"


class InvalidConfig(InvalidInput):
    slug, title = "invalid-config", "The settings of the training run cannot work"


class PromptTooLong(InvalidInput):
    slug, title = "prompt-too-long", "The text does not fit the model's context"


class DecodeError(InvalidInput):
    slug, title, status = "undecodable", "The message could not be decoded", 400


class NotFound(MinutebookError):
    slug, title, status = "not-found", "Not found", 404


class MailboxMissing(NotFound):
    """Carries `track_id`. After Redis lost its data, every mailbox is opened again at the position committed in SQL."""

    slug, title, status, retryable = "mailbox-missing", "The track has no mailbox", 503, True


class Gone(MinutebookError):
    slug, title, status = "gone", "Deleted", 410


class Conflict(MinutebookError):
    slug, title, status = "conflict", "The request contradicts the current state", 409


class AudioGap(Conflict):
    """Carries `expected_sample`. The producer must continue there, or skip explicitly."""

    slug, title = "audio-gap", "The audio would leave a gap"


class AudioTooFar(Conflict):
    slug, title = "audio-too-far", "The position is beyond the longest possible meeting"


class AudioTrimmed(Conflict):
    """Carries `first_sample`, the first position that can be read."""

    slug, title = "audio-trimmed", "The audio is no longer in the mailbox"


class TrackClosed(Conflict):
    slug, title = "track-closed", "The track takes no more audio"


class NoGain(Conflict):
    """Carries the measurements of the gate."""

    slug, title = "no-gain", "The adapter is not better than the active one"


class WrongOffset(Conflict):
    """Carries `expected_offset`, the byte at which the next piece must begin."""

    slug, title, retryable = "wrong-offset", "The piece does not begin where the file ends", True


class SegmentOpen(Conflict):
    slug, title, retryable = "segment-open", "The segment is still being spoken", True


class VersionMismatch(Conflict):
    """Carries `current_version` and the current values."""

    slug, title, status = "version-mismatch", "It was changed in the meantime", 412


class AudioNotKept(Conflict):
    slug, title = "audio-not-kept", "The recording was not kept"


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


class RequestTimeout(MinutebookError):
    slug, title, status, retryable = "request-timeout", "Request Timeout", 408, True


class HeadTooLarge(MinutebookError):
    slug, title, status = "head-too-large", "Request Header Fields Too Large", 431


class TooManyConnections(MinutebookError):
    """Carries `retry_after_ms`."""

    slug, title, status, retryable = "too-many-connections", "Too many connections", 503, True


class Unavailable(MinutebookError):
    slug, title, status, retryable = "unavailable", "A part of the system cannot be reached", 503, True


class StorageFull(MinutebookError):
    slug, title, status, retryable = "storage-full", "There is no room for the file", 507, True


class WorkerLost(MinutebookError):
    """Carries `attempts`, the number of tries."""

    slug, title = "worker-lost", "The worker did not survive this work"


class TrainingError(MinutebookError):
    slug, title = "training-error", "The training run cannot continue"


class NotFinite(TrainingError):
    """Carries `ids`, the ids of the examples in the batch."""

    slug, title = "not-finite", "The loss is not a finite number"


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
