"""What goes wrong while a file is decoded, and what another attempt may get over."""

from __future__ import annotations

from schema.uploads.failures import UploadFailure

PASSING = frozenset({UploadFailure.STORAGE_AWAY, UploadFailure.DECODER_DIED, UploadFailure.DECODER_HUNG})
"""What another attempt may get over."""


class DecodingFailed(Exception):
    """The file cannot be decoded, at least not now. `detail` says what to do."""

    def __init__(self, reason: UploadFailure, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
