"""Moves uploads on whose state no longer fits: transcribed, abandoned, with a deleted meeting, or with an expired file.

Every move is conditional. So several workers may sweep at once, and the next sweep completes what a crash interrupted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, select

from schema.core.errors import MinutebookError
from schema.core.events import publish
from schema.core.states import MeetingState, UploadState
from schema.core.tables import now
from schema.meetings.lifecycle import close_tracks, finish_meeting, reopen_meeting
from schema.meetings.tables import Meeting, Track
from schema.stores import Stores
from schema.uploads.failures import UploadFailure
from schema.uploads.lifecycle import (
    BEFORE_END,
    GIVEN_UP,
    clean_up,
    drop_file,
    end_request,
    forget_requests,
    give_up,
    move,
)
from schema.uploads.tables import Upload
from schema.uploads.views import upload_event, upload_out

log = logging.getLogger(__name__)

SELDOM_S = 15.0
PAGE = 200
REQUEST_KEPT = timedelta(minutes=10)
"""How long the row of an answered request is kept, so that no worker is still busy with it."""
WHOLE = "truncated"
"""This fact in `Upload.media` is known once a file was decoded to its end."""
FED = frozenset({UploadState.QUEUED, UploadState.DECODING})


class UploadSweeper:
    def __init__(
        self,
        stores: Stores,
        backlog_limit_samples: int,
        retention: str,
    ) -> None:
        self._stores = stores
        self._backlog_limit_samples = backlog_limit_samples
        self._retention = retention
        self._published: dict[str, object] = {}
        self._seldom_due_s = 0.0

    def run(self) -> None:
        """Check all uploads. `tidy` runs less often, because nobody waits for it."""
        self._each(Upload.state.in_(BEFORE_END) & (Meeting.state == MeetingState.DELETED), self._cancel)
        stopped = Meeting.state.not_in((MeetingState.LIVE, MeetingState.DELETED))
        self._each(Upload.state.in_(FED) & stopped, self._end_early)
        self._each(Upload.state == UploadState.TRANSCRIBING, self.finish)
        self._publish_progress()
        if time.monotonic() >= self._seldom_due_s:
            self._seldom_due_s = time.monotonic() + SELDOM_S
            self.tidy()

    def tidy(self) -> None:
        """Cancel uploads that stopped arriving, and delete files and answered requests that are not to be kept."""
        self._each((Upload.state == UploadState.RECEIVING) & (Upload.expires_at < now()), self._expire)
        there = Upload.file_deleted_at.is_(None)
        self._each(Upload.state.in_(GIVEN_UP) & there, self._clean_up)
        self._each(Upload.state.not_in(GIVEN_UP) & (Upload.answer_by < now()), self._end_request)
        with self._stores.database.write() as session:
            forget_requests(session, now() - REQUEST_KEPT)
        finished = (Upload.state == UploadState.FINISHED) & there
        self._each(finished & (Meeting.state == MeetingState.DELETED), self._drop_file)
        self._each(finished & Upload.expires_at.is_not(None), self._drop_file)
        if self._retention == "after_minutes":
            self._each(finished, self._drop_file)
        elif self._retention != "keep":
            age = timedelta(days=int(self._retention.removeprefix("days:")))
            self._each(finished & (Upload.finished_at < now() - age), self._drop_file)

    def finish(self, upload_id: str) -> None:
        """End the meeting of a decoded upload, and finish the upload once the meeting is finished.

        If Redis has lost audio that is not transcribed yet, the file is decoded again from there.
        """
        with self._stores.database.read() as session:
            upload = session.get_one(Upload, upload_id)
            state = session.get_one(Meeting, upload.meeting_id).state
            tracks = session.scalars(select(Track).where(Track.meeting_id == upload.meeting_id)).all()
        if state in (MeetingState.LIVE, MeetingState.DRAINING):
            self._finish_meeting(upload, tracks)
        elif state == MeetingState.FINISHED:
            with self._stores.database.write() as session:
                before = frozenset({UploadState.TRANSCRIBING})
                move(session, upload_id, before, UploadState.FINISHED, finished_at=now(), attempts=0)

    def _finish_meeting(self, upload: Upload, tracks: Sequence[Track]) -> None:
        end = upload.duration_samples or 0
        whole = WHOLE in upload.media
        received = {track.id: end for track in tracks} if whole else {}
        lost = finish_meeting(self._stores, upload.meeting_id, self._backlog_limit_samples, received).lost
        if lost and whole:
            self._decode_again(upload, tracks)
        elif lost:  # Somebody ended the meeting early, so no more of the file is wanted.
            close_tracks(self._stores, upload.meeting_id, self._backlog_limit_samples, give_up_lost=True)

    def _decode_again(self, upload: Upload, tracks: Sequence[Track]) -> None:
        # What is left of the mailboxes is closed. After a crash before the commit, this finds all of them missing.
        for track in tracks:
            self._stores.mailbox.forget(track.id)
        with self._stores.database.write() as session:
            events = reopen_meeting(session, upload.meeting_id)
            if session.get_one(Meeting, upload.meeting_id).state != MeetingState.LIVE:
                return  # the rest was committed in the meantime
            before = frozenset({UploadState.TRANSCRIBING})
            move(session, upload.id, before, UploadState.QUEUED, duration_samples=None)
        publish(self._stores.redis, upload.meeting_id, events)
        log.warning("upload %s is decoded again from where its transcript ends, because Redis lost audio", upload.id)

    def _cancel(self, upload_id: str) -> None:
        self._give_up(upload_id, UploadState.CANCELLED, UploadFailure.MEETING_DELETED, "its meeting was deleted")

    def _expire(self, upload_id: str) -> None:
        detail = "the rest of the file did not arrive in time; send it again"
        self._give_up(upload_id, UploadState.CANCELLED, UploadFailure.EXPIRED, detail)

    def _give_up(self, upload_id: str, state: UploadState, reason: UploadFailure, detail: str) -> None:
        give_up(self._stores, upload_id, state, reason=reason, detail=detail)

    def _end_early(self, upload_id: str) -> None:
        """End an upload whose meeting was finished early. The audio decoded so far is all of it."""
        with self._stores.database.write() as session:
            move(session, upload_id, FED, UploadState.TRANSCRIBING, duration_samples=Upload.decoded_sample)

    def _clean_up(self, upload_id: str) -> None:
        clean_up(self._stores, upload_id)

    def _end_request(self, upload_id: str) -> None:
        end_request(self._stores, upload_id)

    def _drop_file(self, upload_id: str) -> None:
        drop_file(self._stores, upload_id)

    def _each(self, which: ColumnElement[bool], handle: Callable[[str], None]) -> None:
        """Apply *handle* to each upload. An error skips that upload and does not stop the others."""
        chosen = select(Upload.id).join(Meeting, Meeting.id == Upload.meeting_id).where(which)
        with self._stores.database.read() as session:
            upload_ids = session.scalars(chosen.order_by(Upload.created_at).limit(PAGE)).all()
        for upload_id in upload_ids:
            try:
                handle(upload_id)
            except MinutebookError as error:
                log.warning("upload %s cannot be swept: %s", upload_id, error)

    def _publish_progress(self) -> None:
        """Publish the progress of uploads in work to the clients that follow their meetings."""
        states = (UploadState.DECODING, UploadState.TRANSCRIBING)
        with self._stores.database.read() as session:
            in_work = session.scalars(select(Upload).where(Upload.state.in_(states)).limit(PAGE)).all()
            events = {upload.meeting_id: upload_event(upload_out(session, upload)) for upload in in_work}
        for meeting_id, event in events.items():
            if self._published.get(meeting_id) != event.data:
                publish(self._stores.redis, meeting_id, [event])
        self._published = {meeting_id: event.data for meeting_id, event in events.items()}
