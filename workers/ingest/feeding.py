"""One file on its way into the mailboxes of its meeting: the same road as live audio, marked batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from schema.core import queues
from schema.core.errors import Backlogged, NotFound
from schema.core.states import Channels, MeetingState, TrackKind
from schema.mailbox import shard_of
from schema.meetings.tables import Meeting, Track
from schema.stores import Stores
from schema.uploads.failures import UploadFailure
from schema.uploads.lifecycle import file_id_of, new_track
from schema.uploads.tables import Upload
from workers.ingest.decoder_process import DecodeRequest, DecoderProcess, DecodingEnded, MediaFound
from workers.ingest.media import Pcm
from workers.ingest.messages import DecodingFailed
from workers.tasks.summary_requests import Send


class Step(Enum):
    """`WAITS`: a mailbox is full; `DONE`: the whole file is in them."""

    MOVED = "moved"
    WAITS = "waits"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one file may take."""

    backlog_limit_samples: int
    limit_samples: int
    memory_bytes: int
    step_limit_s: float


class Feeding:
    """Begins where the mailboxes end, so that whoever was interrupted is gone on for. `sample` is how far it is.

    Raises NotFound, Unavailable; later `step` raises DecodingFailed, and MailboxMissing after Redis lost its data:
    then a new Feeding begins where SQL is.
    """

    def __init__(self, stores: Stores, send: Send, upload_id: str, bounds: Bounds) -> None:
        self.upload_id = upload_id
        self._stores = stores
        self._send = send
        self._bounds = bounds
        with stores.database.read() as session:
            upload = session.get(Upload, upload_id)
            if upload is None:
                raise NotFound(f"there is no upload '{upload_id}'")
            _check_live(session, upload.meeting_id)
            tracks = tracks_of(session, upload.meeting_id)
        self.meeting_id = upload.meeting_id
        self.ended: DecodingEnded | None = None
        self._tracks = [track.id for track in tracks]
        self.first_sample = self.sample = self._open(tracks)
        self._block: Pcm | None = None
        request = DecodeRequest(
            storage=stores.storage_url,
            file_id=file_id_of(upload),
            channels=Channels(upload.channels),
            from_sample=self.sample,
            limit_samples=bounds.limit_samples,
            memory_bytes=bounds.memory_bytes,
            step_limit_s=bounds.step_limit_s,
        )
        self.decoder = DecoderProcess(request)

    def close(self) -> None:
        self.decoder.close()

    def step(self) -> Step:
        """Put the next block of sound into every track's mailbox, or find that there is no room for it."""
        if self._block is None:
            match self.decoder.next():
                case MediaFound() as found:
                    self._note(found)
                    return Step.MOVED
                case DecodingEnded() as ended:
                    self.ended = ended
                    return Step.DONE
                case block:
                    self._block = block
        return self._append(self._block)

    def _append(self, block: Pcm) -> Step:
        # A track that had taken it before drops it: it is the same sound.
        for track_id, pcm in zip(self._tracks, block, strict=True):
            try:
                appended = self._stores.mailbox.append(track_id, self.sample, pcm.tobytes())
            except Backlogged:
                return Step.WAITS
            if appended.wake:
                self._send(queues.TRANSCRIBE, [str(shard_of(track_id, self._stores.mailbox.shards))])
        self.sample += block.shape[1]
        self._block = None
        return Step.MOVED

    def _note(self, found: MediaFound) -> None:
        """Write down what the file holds, and make its tracks where nobody could know them before."""
        with self._stores.database.write() as session:
            session.execute(update(Upload).where(Upload.id == self.upload_id).values(media=found.facts))
            if not self._tracks:
                self._tracks = self._make_tracks(session, found.tracks)
        if len(self._tracks) != found.tracks:
            raise DecodingFailed(
                UploadFailure.DAMAGED,
                f"the file has {found.tracks} channels now and had {len(self._tracks)} before; send it again",
            )
        with self._stores.database.read() as session:
            self._open(tracks_of(session, self.meeting_id))

    def _make_tracks(self, session: Session, count: int) -> list[str]:
        _check_live(session, self.meeting_id)
        there = tracks_of(session, self.meeting_id)
        if not there:
            session.add_all(
                new_track(self.meeting_id, f"channel-{number:02}", f"Channel {number}")
                for number in range(1, count + 1)
            )
            session.flush()
            there = tracks_of(session, self.meeting_id)
        return [track.id for track in there]

    def _open(self, tracks: Sequence[Track]) -> int:
        """Open the mailboxes; returns the sample up to which all of them have received."""
        return min((self._open_one(track) for track in tracks), default=0)

    def _open_one(self, track: Track) -> int:
        status = self._stores.mailbox.open(
            track.id,
            committed_sample=track.committed_sample,
            epoch=track.epoch,
            backlog_limit_samples=self._bounds.backlog_limit_samples,
            kind=TrackKind.BATCH,
        )
        return status.received_sample


def _check_live(session: Session, meeting_id: str) -> None:
    if session.get_one(Meeting, meeting_id).state != MeetingState.LIVE:
        raise NotFound(f"meeting '{meeting_id}' takes no more audio")


def tracks_of(session: Session, meeting_id: str) -> Sequence[Track]:
    """In the order of the channels."""
    return session.scalars(select(Track).where(Track.meeting_id == meeting_id).order_by(Track.name)).all()
