"""The decoder process: `python -m workers.ingest.decoder FACTS`.

FFmpeg parses files from anywhere, and a damaged file can make it crash, hang or take all memory. In a process of its
own it cannot harm the worker.

FACTS is JSON: storage, file_id, channels, streams, from_sample, limit_samples, memory_bytes, worker_pid. The process
reads the file from the storage and writes `workers.ingest.messages` to standard output. It blocks while the pipe is
full.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any, BinaryIO

import av.logging

from schema.core.errors import MinutebookError, NotFound
from schema.core.states import Channels
from schema.core.storage import open_files
from schema.core.units import SAMPLE_RATE_HZ
from schema.uploads.failures import UploadFailure
from workers.ingest.merger import Hole, length_of
from workers.ingest.messages import DecodingFailed, MessageKind, send, send_facts
from workers.ingest.recorded_tracks import RecordedTracks
from workers.ingest.sound import Pcm

PR_SET_PDEATHSIG = 1


def main(argument: str, pipe: BinaryIO) -> None:
    facts = json.loads(argument)
    _confine(facts["memory_bytes"], facts["worker_pid"])
    os.nice(facts["niceness"])
    av.logging.set_level(None)
    try:
        with open_files(facts["storage"]).open(facts["file_id"]) as file:
            _decode(file, facts, pipe)
    except DecodingFailed as fault:
        _report(pipe, fault.reason, fault.detail)
    except NotFound as error:
        _report(pipe, UploadFailure.FILE_MISSING, error.detail)
    except (MinutebookError, OSError) as error:
        _report(pipe, UploadFailure.STORAGE_AWAY, str(error) or type(error).__name__)


def _decode(file: BinaryIO, facts: dict[str, Any], pipe: BinaryIO) -> None:
    limit_samples = facts["limit_samples"]

    def compared(end_sample: int) -> None:
        _check_length(end_sample, limit_samples)
        send(pipe, MessageKind.ALIVE, b"")

    tracks = RecordedTracks(file, Channels(facts["channels"]), facts["streams"], compared)
    send_facts(pipe, MessageKind.MEDIA, {"channels": tracks.channels, "facts": tracks.facts})
    end = 0
    for part in tracks.parts():
        end += length_of(part)
        _check_length(end, limit_samples)
        if end > facts["from_sample"]:
            _send_part(pipe, part, min(length_of(part), end - facts["from_sample"]))
    send_facts(pipe, MessageKind.END, {"samples": end, **tracks.facts_of_end()})


def _send_part(pipe: BinaryIO, part: Pcm | Hole, samples: int) -> None:
    """Send the last *samples* of a block or hole."""
    if isinstance(part, Hole):
        send_facts(pipe, MessageKind.HOLE, {"samples": samples})
    else:
        send(pipe, MessageKind.PCM, part[:, -samples:].astype("<i2", copy=False).tobytes())


def _check_length(samples: int, limit_samples: int) -> None:
    if samples > limit_samples:
        raise DecodingFailed(
            UploadFailure.TOO_LONG,
            f"the recording is longer than {limit_samples / SAMPLE_RATE_HZ / 3600:.1f} hours; cut it into parts, "
            "or set MINUTEBOOK_UPLOAD_LIMIT_S",
        )


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
