"""Uploads without an API: stored, decoded and settled when a test says so, on real servers by real decoders."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from redis import Redis
from sqlalchemy import select, update

from schema.core.database import Database
from schema.core.errors import MailboxMissing
from schema.core.states import MeetingState, UploadState
from schema.core.units import samples_of_s
from schema.mailbox import AudioSpan, Mailbox
from schema.meetings.tables import Meeting, Track
from schema.stores import Stores
from schema.uploads.lifecycle import add_upload, advance, queue
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload
from workers.ingest.feeding import Bounds, Feeding
from workers.ingest.ingester import Ingester, IngestSettings, lease_key
from workers.ingest.upload_sweeper import UploadSweeper
from workers.kept_audio.sweeper import AudioSweeper
from workers.tasks.summary_requests import Send

BOUNDS = Bounds(
    backlog_limit_samples=samples_of_s(120),
    limit_samples=samples_of_s(600),
    memory_bytes=2 << 30,
    step_limit_s=60.0,
)
ATTEMPTS = 3


@dataclass
class IngestRig:
    """Makes ingesters and upload sweepers on one database, Redis and storage, and the uploads that they work on."""

    database: Database
    redis: Redis
    storage: str
    bounds: Bounds = BOUNDS
    places: int = 4
    retention: str = "keep"
    sent: list[tuple[str, list[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mailbox = Mailbox(self.redis)
        self.stores = Stores(self.database, self.redis, self.mailbox, self.storage)
        self.files = self.stores.files

    def ingester(self, name: str = "first", send: Send | None = None, **bounds: Any) -> Ingester:
        limits = replace(self.bounds, **bounds)
        return Ingester(
            name=name,
            stores=self.stores,
            send=send or self._send,
            upload_sweeper=self.upload_sweeper(),
            audio_sweeper=AudioSweeper(self.stores, "keep"),
            settings=IngestSettings(places=self.places, attempts=ATTEMPTS, bounds=limits),
        )

    def upload_sweeper(self, stores: Stores | None = None) -> UploadSweeper:
        backlog = self.bounds.backlog_limit_samples
        return UploadSweeper(stores or self.stores, backlog, self.retention)

    def _send(self, task: str, arguments: list[str]) -> bool:
        self.sent.append((task, arguments))
        return True

    def store(self, data: bytes, name: str = "file.bin", owner: str = "local", **wanted: Any) -> str:
        """Store a whole file, ready to be decoded, and return the id of its upload."""
        with self.database.write() as session:
            new = NewUpload(**wanted)
            upload = add_upload(
                session, owner=owner, name=name, new=new, size_bytes=len(data), expires_s=60, open_limit=100
            )
        self.files.append(upload.id, 0, data)
        self.files.commit(upload.id, len(data))
        with self.database.write() as session:
            assert upload.expires_at is not None
            advance(session, upload.id, 0, len(data), upload.expires_at)
            queue(session, upload.id, "0" * 64)
        return upload.id

    def run_until_idle(self, ingester: Ingester | None = None) -> None:
        """Run turns until one moves no file."""
        worker = ingester or self.ingester()
        while worker.turn():
            pass
        if ingester is None:
            worker.close()

    def decode_and_die(self, upload_id: str, blocks: int) -> None:
        """Decode *blocks* of the file and stop without releasing anything, as a worker that dies."""
        feeding = Feeding(self.stores, self._send, upload_id, self.bounds)
        for _ in range(1 + blocks):  # the first step reads what the file contains
            feeding.step()
        feeding.close()

    def upload(self, upload_id: str) -> Upload:
        with self.database.read() as session:
            return session.get_one(Upload, upload_id)

    def state(self, upload_id: str) -> UploadState:
        return UploadState(self.upload(upload_id).state)

    def meeting_state(self, upload_id: str) -> MeetingState:
        with self.database.read() as session:
            return MeetingState(session.get_one(Meeting, self.upload(upload_id).meeting_id).state)

    def set_meeting(self, upload_id: str, state: MeetingState) -> None:
        """Set the state of the meeting, as transcription and summary would."""
        with self.database.write() as session:
            session.execute(update(Meeting).where(Meeting.id == self.upload(upload_id).meeting_id).values(state=state))

    def tracks(self, upload_id: str) -> list[Track]:
        with self.database.read() as session:
            chosen = select(Track).where(Track.meeting_id == self.upload(upload_id).meeting_id)
            return list(session.scalars(chosen.order_by(Track.name)))

    def audio(self, upload_id: str) -> NDArray[np.int16]:
        """The audio in the mailboxes from the start, with silence for holes: shape (tracks, samples)."""
        tracks = [
            b"".join(span.pcm or bytes(2 * (span.end_sample - span.first_sample)) for span in self._spans(track))
            for track in self.tracks(upload_id)
        ]
        return np.stack([np.frombuffer(pcm, "<i2") for pcm in tracks])

    def holes(self, upload_id: str) -> list[list[tuple[int, int]]]:
        """The holes of each track as pairs of samples, first and end."""
        return [
            [(span.first_sample, span.end_sample) for span in self._spans(track) if span.pcm is None]
            for track in self.tracks(upload_id)
        ]

    def _spans(self, track: Track) -> list[AudioSpan]:
        return self.mailbox.read(track.id, 0, samples_of_s(3600))

    def end_pause(self, upload_id: str) -> None:
        """End the pause after a fault."""
        self.redis.delete(lease_key(upload_id))

    def left_on_disk(self) -> list[str]:
        return sorted(path.name for path in Path(self.storage).iterdir()) if Path(self.storage).exists() else []

    def assert_nothing_left(self, upload_id: str, tracks: list[Track]) -> None:
        """Nothing is left of an upload that was given up: no file, no mailbox, no meeting."""
        assert self.left_on_disk() == []
        assert self.meeting_state(upload_id) == MeetingState.DELETED
        assert self.tracks(upload_id) == []
        for track in tracks:
            try:
                self.mailbox.status(track.id)
            except MailboxMissing:
                continue
            raise AssertionError(f"track {track.name} still has a mailbox")
