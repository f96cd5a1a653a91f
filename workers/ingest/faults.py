"""Why a file cannot become a meeting."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Short codes for programs; the detail beside it is for people."""

    NOT_MEDIA = "not_media"
    NO_AUDIO = "no_audio"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    ENCRYPTED = "encrypted"
    TOO_LONG = "too_long"
    TOO_MANY_CHANNELS = "too_many_channels"
    FILE_MISSING = "file_missing"
    STORAGE_AWAY = "storage_away"
    DECODER_DIED = "decoder_died"
    DECODER_HUNG = "decoder_hung"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"
    CHECKSUM = "checksum"
    CANCELLED = "cancelled"
    MEETING_DELETED = "meeting_deleted"


PASSING = frozenset({Reason.STORAGE_AWAY, Reason.DECODER_DIED, Reason.DECODER_HUNG})
"""What another attempt may get over."""


class DecodingFailed(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
