"""Decodes uploads: takes those that are next, advances each in turn, and handles files that cannot be decoded.

A worker process has several files open at once, each with its own decoder process. If the mailbox of a file is full,
its decoder blocks on its pipe. The worker goes on with the other files.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis.exceptions import LockError
from redis.lock import Lock
from sqlalchemy import update

from schema.core.errors import MailboxMissing, NotFound, TrackClosed
from schema.core.states import UploadState
from schema.core.tables import now
from schema.mailbox.unavailable import reachable
from schema.stores import Stores
from schema.uploads.failures import UploadFailure
from schema.uploads.lifecycle import give_up, move
from schema.uploads.queue import express_waits, uploads_to_decode
from schema.uploads.tables import Upload
from workers.ingest.feeding import Bounds, Feeding, Step
from workers.ingest.messages import PASSING, DecodingFailed
from workers.ingest.upload_sweeper import FED, UploadSweeper
from workers.kept_audio.second_reading import SecondReading
from workers.kept_audio.sweeper import AudioSweeper
from workers.tasks.monitoring import report_work
from workers.tasks.summary_requests import Send

log = logging.getLogger(__name__)

SLICE_S = 5.0
"""A task ends after this time, so that other tasks in the queue get their turn."""
LEASE_S = 30.0
LOOK_S = 0.3
"""How often a worker that waits for a decoder looks for a file that goes first."""
BLOCKS_IN_A_TURN = 4
"""Blocks of 10 s that a file may decode before the next file has its turn."""
AWAY_ATTEMPTS = 20
"""Attempts while the storage is unreachable. With the pauses they last about a quarter of an hour."""
LONGEST_PAUSE_S = 60


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """`places` is the number of files in work at once.

    The upload fails after `attempts` attempts in a row in which the decoder failed without any progress.
    """

    places: int
    attempts: int
    bounds: Bounds


@dataclass
class OpenUpload:
    """A file that this worker has open. While it holds the lease, no other worker decodes the same file."""

    feeding: Feeding
    lease: Lock


class Ingester:
    def __init__(
        self,
        *,
        name: str,
        stores: Stores,
        send: Send,
        upload_sweeper: UploadSweeper,
        audio_sweeper: AudioSweeper,
        second_reading: SecondReading | None = None,
        settings: IngestSettings,
    ) -> None:
        self.name = name
        self.stores = stores
        self.send = send
        self.upload_sweeper = upload_sweeper
        self.audio_sweeper = audio_sweeper
        self.second_reading = second_reading
        self.settings = settings
        self.works: dict[str, OpenUpload] = {}

    def run(self) -> bool:
        """Work for a bounded time. True when there is more to do at once."""
        self.upload_sweeper.run()
        if self.second_reading is not None:
            self.second_reading.run()
        self.audio_sweeper.run()
        ends_s = time.monotonic() + SLICE_S
        while self.turn():
            if time.monotonic() >= ends_s:
                return True
        return False

    def turn(self) -> bool:
        """Advance every file that may be decoded now. Returns False when none of them can advance."""
        with self.stores.database.read() as session:
            wanted = uploads_to_decode(session, self.settings.places)
        for upload_id in [each for each in self.works if each not in wanted]:
            self._leave(upload_id)
        for upload_id in wanted:
            if upload_id not in self.works:
                self._take(upload_id)
        moved = [self._advance(upload_id) for upload_id in wanted if upload_id in self.works]
        return any(moved)

    def close(self) -> None:
        """Close all files, so that another worker can continue them."""
        for upload_id in list(self.works):
            self._leave(upload_id)

    def _take(self, upload_id: str) -> None:
        lease = self.stores.redis.lock(lease_key(upload_id), timeout=LEASE_S, thread_local=False)
        with reachable(self.stores.redis):
            if not lease.acquire(blocking=False, token=self.name):
                return  # Another worker has the file, or it pauses after a fault.
        try:
            with self.stores.database.write() as session:
                queued = frozenset({UploadState.QUEUED})
                move(session, upload_id, queued, UploadState.DECODING, started_at=now())
            feeding = Feeding(self.stores, self.send, upload_id, self.settings.bounds)
        except NotFound:
            self._release(lease)
            return
        except BaseException:
            self._release(lease)
            raise
        self.works[upload_id] = OpenUpload(feeding, lease)
        report_work([feeding.meeting_id])

    def _advance(self, upload_id: str) -> bool:
        """Feed some blocks of the file. Returns False when its mailbox is full."""
        work = self.works[upload_id]
        if not self._keeps(work.lease):
            self._leave(upload_id)
            return True
        try:
            moved = self._feed(work.feeding)
        except DecodingFailed as fault:
            self._fail(upload_id, fault)
            return True
        except (MailboxMissing, TrackClosed, NotFound) as error:
            # Redis has lost its data, or the meeting was finished or deleted. The next turn reads from SQL which it is.
            log.warning("upload %s was interrupted and continues unless its meeting has ended: %s", upload_id, error)
            self._leave(upload_id)
            return False
        return moved

    def _feed(self, feeding: Feeding) -> bool:
        moved = 0
        step = Step.MOVED
        while step == Step.MOVED and moved < BLOCKS_IN_A_TURN:
            if not self._has_turn(feeding):
                self._note_progress(feeding)
                return True
            step = feeding.step()
            moved += step == Step.MOVED
        if step == Step.DONE:
            self._complete(feeding)
            return True
        if moved:
            self._note_progress(feeding)
        return bool(moved)

    def _has_turn(self, feeding: Feeding) -> bool:
        """Wait for the decoder. False if meanwhile a short file has come that somebody waits for: it goes first."""
        while not feeding.express:
            with self.stores.database.read() as session:
                if express_waits(session):
                    return False
            if feeding.can_step(LOOK_S):
                break
        return True

    def _note_progress(self, feeding: Feeding) -> None:
        with self.stores.database.write() as session:
            decoding = update(Upload).where(Upload.id == feeding.upload_id, Upload.state == UploadState.DECODING)
            session.execute(decoding.values(decoded_sample=feeding.sample))

    def _complete(self, feeding: Feeding) -> None:
        """Record that the mailboxes have received the whole file."""
        assert feeding.ended is not None
        upload_id = feeding.upload_id
        with self.stores.database.write() as session:
            upload = session.get_one(Upload, upload_id)
            media = {**upload.media, **feeding.ended.facts}
            samples = feeding.ended.samples
            facts = {"media": media, "decoded_sample": samples, "duration_samples": samples, "detail": _remark(media)}
            move(session, upload_id, FED, UploadState.TRANSCRIBING, attempts=0, **facts)
        self.upload_sweeper.finish(upload_id)
        self._leave(upload_id)

    def _fail(self, upload_id: str, fault: DecodingFailed) -> None:
        work = self.works.pop(upload_id)
        work.feeding.close()
        with self.stores.database.write() as session:
            upload = session.get_one(Upload, upload_id)
            # An attempt that made progress starts the count again: only failures at the same place add up.
            upload.attempts = 1 if work.feeding.sample > work.feeding.first_sample else upload.attempts + 1
            attempts = upload.attempts
        limit = AWAY_ATTEMPTS if fault.reason == UploadFailure.STORAGE_AWAY else self.settings.attempts
        if fault.reason in PASSING and attempts < limit:
            log.warning("upload %s failed in attempt %s and is tried again: %s", upload_id, attempts, fault.detail)
            self._rest(work.lease, min(2**attempts, LONGEST_PAUSE_S))
            return
        give_up(self.stores, upload_id, UploadState.FAILED, reason=fault.reason, detail=fault.detail)
        self._release(work.lease)

    def _leave(self, upload_id: str) -> None:
        work = self.works.pop(upload_id)
        work.feeding.close()
        self._release(work.lease)

    def _keeps(self, lease: Lock) -> bool:
        try:
            with reachable(self.stores.redis):
                return bool(lease.reacquire())
        except LockError:  # The lease expired, and another worker may have it now.
            return False

    def _release(self, lease: Lock) -> None:
        try:
            with reachable(self.stores.redis):
                lease.release()
        except LockError:
            return

    def _rest(self, lease: Lock, seconds: float) -> None:
        """Keep the lease for *seconds* without working, so that no worker tries the file before."""
        try:
            with reachable(self.stores.redis):
                lease.extend(seconds, replace_ttl=True)
        except LockError:
            return


def lease_key(upload_id: str) -> str:
    """This key exists while a worker has the upload's file open, and during the pause after a fault."""
    return f"mb:ingest:{upload_id}"


def _remark(media: dict[str, Any]) -> str | None:
    """A remark for people about a file that is damaged or unusual."""
    return "; ".join(_remarks(media)) or None


def _remarks(media: dict[str, Any]) -> Iterator[str]:
    if media.get("truncated"):
        yield "the file ends earlier than its header says; the part that exists is transcribed"
    if media.get("skipped_packets"):
        yield f"{media['skipped_packets']} damaged packets were skipped"
    if unread := [str(each["number"]) for each in media.get("streams", ()) if not each["read"]]:
        yield f"of {len(media['streams'])} sound streams these are not read: {', '.join(unread)}; see 'streams'"
    if repeated := media.get("repeated_channels"):
        numbers = ", ".join(str(each) for each in repeated)
        yield f"channels that repeat the sound of an earlier one were not read: {numbers}"
    if media.get("cancelled_s"):
        yield f"{media['cancelled_s']:.0f} s were read from one channel, since the channels cancel each other out"
    if media.get("restarts"):
        yield f"the timestamps of the file start again {media['restarts']} times; its parts follow one another"
    if media.get("late_s"):
        yield f"{media['late_s']:.0f} s of one sound stream lie too far behind the others, and were not read"
