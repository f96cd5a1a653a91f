"""The decoder, a process of its own: `python -m workers.ingest.decoder FACTS`. It may crash or hang; nobody else does.

FACTS is JSON: storage, file_id, channels, from_sample, limit_samples, memory_bytes, worker_pid. It reads the file from
the storage and writes `workers.ingest.messages` to standard output, as fast as they are read.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from typing import BinaryIO

import av.logging
import numpy as np

from schema.core.errors import MinutebookError, NotFound
from schema.core.states import Channels
from schema.core.storage import open_files
from schema.core.units import SAMPLE_RATE_HZ
from schema.uploads.failures import UploadFailure
from workers.ingest.media import Pcm, Recording
from workers.ingest.messages import BLOCK_SAMPLES, DecodingFailed, MessageKind, send, send_facts

PR_SET_PDEATHSIG = 1


def main(argument: str, pipe: BinaryIO) -> None:
    facts = json.loads(argument)
    _confine(facts["memory_bytes"], facts["worker_pid"])
    av.logging.set_level(None)
    try:
        with open_files(facts["storage"]).open(facts["file_id"]) as file:
            _decode(file, Channels(facts["channels"]), facts["from_sample"], facts["limit_samples"], pipe)
    except DecodingFailed as fault:
        _report(pipe, fault.reason, fault.detail)
    except NotFound as error:
        _report(pipe, UploadFailure.FILE_MISSING, error.detail)
    except (MinutebookError, OSError) as error:
        _report(pipe, UploadFailure.STORAGE_AWAY, str(error) or type(error).__name__)


def _decode(file: BinaryIO, channels: Channels, from_sample: int, limit_samples: int, pipe: BinaryIO) -> None:
    recording = Recording(file, channels)
    media = recording.media
    send_facts(pipe, MessageKind.MEDIA, {"tracks": media.tracks, "facts": media.facts()})
    for block in _after(_of_length(_within(recording.blocks(), limit_samples)), from_sample):
        send(pipe, MessageKind.PCM, block.astype("<i2", copy=False).tobytes())
    end = {"samples": recording.samples, "truncated": recording.truncated}
    send_facts(pipe, MessageKind.END, {**end, "skipped_packets": recording.skipped_packets})


def _within(blocks: Iterator[Pcm], limit_samples: int) -> Iterator[Pcm]:
    samples = 0
    for block in blocks:
        samples += block.shape[1]
        if samples > limit_samples:
            raise DecodingFailed(
                UploadFailure.TOO_LONG,
                f"the recording is longer than {limit_samples / SAMPLE_RATE_HZ / 3600:.1f} hours; cut it into parts, "
                "or set MINUTEBOOK_UPLOAD_LIMIT_S",
            )
        yield block


def _of_length(blocks: Iterator[Pcm]) -> Iterator[Pcm]:
    """The same sound in blocks of BLOCK_SAMPLES; the last one has what is left."""
    held: list[Pcm] = []
    samples = 0
    for block in blocks:
        held.append(block)
        samples += block.shape[1]
        while samples >= BLOCK_SAMPLES:
            joined = np.concatenate(held, axis=1)
            yield joined[:, :BLOCK_SAMPLES]
            held, samples = [joined[:, BLOCK_SAMPLES:]], samples - BLOCK_SAMPLES
    if samples:
        yield np.concatenate(held, axis=1)


def _after(blocks: Iterator[Pcm], from_sample: int) -> Iterator[Pcm]:
    """The blocks that end after *from_sample*, the first of them cut to begin there."""
    end = 0
    for block in blocks:
        first, end = end, end + block.shape[1]
        if end > from_sample:
            yield block[:, max(0, from_sample - first) :]


def _report(pipe: BinaryIO, reason: UploadFailure, detail: str) -> None:
    send_facts(pipe, MessageKind.FAULT, {"reason": reason, "detail": detail})


def _confine(memory_bytes: int, worker_pid: int) -> None:
    """Die with the worker, and take no more memory than *memory_bytes*."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker_pid:  # it died before that
        raise SystemExit(1)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1], sys.stdout.buffer)
