"""The decoder process: `python -m workers.ingest.decoder FACTS`.

FFmpeg parses files from anywhere, and a damaged file can make it crash, hang or take all memory. In a process of its
own it cannot harm the worker.

FACTS is JSON: storage, file_id, channels, from_sample, limit_samples, memory_bytes, worker_pid. The process reads the
file from the storage and writes `workers.ingest.messages` to standard output. It blocks while the pipe is full.
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
    """Regroup the sound into blocks of BLOCK_SAMPLES. The last block may be shorter."""
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
    """Drop the sound before *from_sample*."""
    end = 0
    for block in blocks:
        first, end = end, end + block.shape[1]
        if end > from_sample:
            yield block[:, max(0, from_sample - first) :]


def _report(pipe: BinaryIO, reason: UploadFailure, detail: str) -> None:
    send_facts(pipe, MessageKind.FAULT, {"reason": reason, "detail": detail})


def _confine(memory_bytes: int, worker_pid: int) -> None:
    """Limit the memory to *memory_bytes*, write no core dumps, and have the kernel kill this process with its worker.

    Without that a worker that is killed would leave its decoders behind.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker_pid:  # The worker died before the call above, so no signal would come.
        raise SystemExit(1)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1], sys.stdout.buffer)
