"""Feeds a file, or kept audio, into the mailboxes of a meeting. It is transcribed like live audio, as kind batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from schema.core import queues
from schema.core.errors import Backlogged, NotFound
from schema.core.states import Channels, DateSource, MeetingState, TrackKind
from schema.core.units import samples_of_s
from schema.mailbox import shard_of
from schema.meetings.recording_date import parse_time, set_recording_date
from schema.meetings.tables import Meeting, Track
from schema.meetings.titles import take_tagged_title
from schema.stores import Stores
from schema.uploads.failures import UploadFailure
from schema.uploads.lifecycle import file_id_of, new_track
from schema.uploads.queue import is_express
from schema.uploads.tables import Upload
from workers.ingest.decoder_process import DecodeRequest, DecoderIsBusy, DecoderProcess, DecodingEnded, MediaFound
from workers.ingest.kept_sound import KeptSound, TrackParts
from workers.ingest.merger import Hole, length_of
from workers.ingest.messages import DecodingFailed
from workers.ingest.sound import Pcm
from workers.tasks.summary_requests import Send

EXPRESS_SAMPLES = samples_of_s(60)
"""A recording up to this long with a priority above 0 is transcribed before other files."""


NICENESS = 5
"""Decoders of other files leave the processor to transcription, and to the files that somebody waits for."""


Part = Pcm | Hole | TrackParts
"""A block of all channels, a span without sound, or for each track one of them."""


class Step(Enum):
    """The result of a step. `WAITS`: a mailbox is full. `DONE`: the mailboxes have received the whole file."""

    MOVED = "moved"
    WAITS = "waits"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits for one file."""

    backlog_limit_samples: int
    limit_samples: int
    memory_bytes: int
    step_limit_s: float


class Feeding:
    """Moves the sound of one file from its decoder into the mailboxes.

    It starts where the mailboxes end, so it continues the work of a worker that was interrupted. `sample` is the
    current position, and `express` tells whether it is a small file that somebody waits for. Raises NotFound,
    Unavailable. `step` raises DecodingFailed, and MailboxMissing if Redis has lost its data; a new Feeding then starts
    from the position in SQL.
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
        self._awaited = upload.priority > 0
        self.express = is_express(upload)
        self.ended: DecodingEnded | None = None
        self._tracks = [track.id for track in tracks]
        self.first_sample = self.sample = self._open(tracks)
        self._part: Part | None = None
        self.source = self._sound_of(upload)

    def close(self) -> None:
        self.source.close()

    def can_step(self, wait_s: float) -> bool:
        """Wait *wait_s* at most until `step` need not wait for the decoder."""
        return self._part is not None or self.source.has_output(wait_s)

    def step(self) -> Step:
        """Put the next block or hole into the mailbox of every track. Returns WAITS when one of them is full."""
        if self._part is None:
            match self.source.next():
                case DecoderIsBusy():
                    return Step.MOVED
                case MediaFound() as found:
                    self._note(found)
                    return Step.MOVED
                case DecodingEnded() as ended:
                    self.ended = ended
                    if self._awaited and ended.samples <= EXPRESS_SAMPLES:
                        self._open_as_express()
                    return Step.DONE
                case part:
                    self._part = part
        return self._append(self._part)

    def _sound_of(self, upload: Upload) -> DecoderProcess | KeptSound:
        if upload.audio_of is not None:
            return KeptSound(self._stores, upload.audio_of, self.sample)
        return DecoderProcess(
            DecodeRequest(
                storage=self._stores.storage_url,
                file_id=file_id_of(upload),
                channels=Channels(upload.channels),
                streams=upload.streams,
                from_sample=self.sample,
                limit_samples=self._bounds.limit_samples,
                memory_bytes=self._bounds.memory_bytes,
                step_limit_s=self._bounds.step_limit_s,
                niceness=0 if self.express else NICENESS,
            )
        )

    def _append(self, part: Part) -> Step:
        # If the mailbox of one track is full, the whole part is sent again later. Mailboxes that already have it drop
        # it: decoding is deterministic, so it is the same sound.
        end = self.sample + _length_of(part)
        for number, track_id in enumerate(self._tracks):
            sound = _sound_of_track(part, number)
            try:
                if isinstance(sound, Hole):
                    appended = self._stores.mailbox.skip(track_id, end)
                else:
                    appended = self._stores.mailbox.append(track_id, self.sample, sound.tobytes())
            except Backlogged:
                return Step.WAITS
            if appended.wake:
                self._send(queues.TRANSCRIBE, [str(shard_of(track_id, self._stores.mailbox.shards))])
        self.sample = end
        self._part = None
        return Step.MOVED

    def _note(self, found: MediaFound) -> None:
        """Store the format of the file, and create its tracks if they depended on the number of channels."""
        media = dict(found.facts)
        tags = media.pop("tags")  # a title must not outlive its meeting, as the row of an upload does
        with self._stores.database.write() as session:
            self._take_tags(session, tags)
            session.execute(update(Upload).where(Upload.id == self.upload_id).values(media=media))
            if not self._tracks:
                self._tracks = self._make_tracks(session, found.channels)
        if len(self._tracks) != len(found.channels):
            raise DecodingFailed(
                UploadFailure.DAMAGED,
                f"the file now has {len(found.channels)} channels, but had {len(self._tracks)} before; send it again",
            )
        with self._stores.database.read() as session:
            self._open(tracks_of(session, self.meeting_id))

    def _take_tags(self, session: Session, tags: dict[str, str]) -> None:
        """Title and date in the tags of the recording count unless the caller gave others."""
        meeting = session.get_one(Meeting, self.meeting_id, with_for_update=True)
        if meeting.state == MeetingState.DELETED:
            return
        take_tagged_title(meeting, tags.get("title"))
        set_recording_date(meeting, parse_time(tags.get("recorded_at", "")), DateSource.RECORDING)

    def _make_tracks(self, session: Session, channels: Sequence[int]) -> list[str]:
        _check_live(session, self.meeting_id)
        there = tracks_of(session, self.meeting_id)
        if not there:
            session.add_all(
                new_track(self.meeting_id, f"channel-{number:02}", f"Channel {number}") for number in channels
            )
            session.flush()
            there = tracks_of(session, self.meeting_id)
        return [track.id for track in there]

    def _open_as_express(self) -> None:
        with self._stores.database.read() as session:
            self._open(tracks_of(session, self.meeting_id), express=True)

    def _open(self, tracks: Sequence[Track], *, express: bool = False) -> int:
        """Open the mailboxes. Returns the sample up to which all of them have received audio."""
        return min((self._open_one(track, express) for track in tracks), default=0)

    def _open_one(self, track: Track, express: bool) -> int:
        status = self._stores.mailbox.open(
            track.id,
            committed_sample=track.committed_sample,
            epoch=track.epoch,
            backlog_limit_samples=self._bounds.backlog_limit_samples,
            kind=TrackKind.BATCH,
            express=express,
            heard=track.heard,
        )
        return status.received_sample


def _length_of(part: Part) -> int:
    return part.samples if isinstance(part, TrackParts) else length_of(part)


def _sound_of_track(part: Part, number: int) -> NDArray[np.int16] | Hole:
    """What track *number* has in *part*: PCM16 (samples,), or a hole."""
    if isinstance(part, TrackParts):
        return part.tracks[number]
    return part if isinstance(part, Hole) else part[number]


def _check_live(session: Session, meeting_id: str) -> None:
    if session.get_one(Meeting, meeting_id).state != MeetingState.LIVE:
        raise NotFound(f"meeting '{meeting_id}' accepts no more audio")


def tracks_of(session: Session, meeting_id: str) -> Sequence[Track]:
    """The tracks of a meeting, in the order of the channels."""
    return session.scalars(select(Track).where(Track.meeting_id == meeting_id).order_by(Track.name)).all()
