"""Four live meetings and two queued uploads at once: the load under which the fault campaign strikes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from itertools import pairwise

import httpx
import numpy as np
import soundfile
from sqlalchemy import select

from schema.core.errors import MailboxMissing, Unavailable
from schema.core.states import MeetingState, UploadState
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ, samples_of_s
from schema.mailbox import Status
from schema.meetings.tables import Meeting, Track
from schema.uploads.tables import Upload
from tests.faults.account import Account
from tests.running_stack import SAMPLE_FOLDER, RunningStack, StreamedMeeting, sample_meeting
from tests.waiting import wait_until

LIVE = 4
UPLOADS = 2
PATIENCE_S = 1200.0
DECODING = (UploadState.QUEUED, UploadState.DECODING)
ENDED = (UploadState.FINISHED, UploadState.FAILED, UploadState.CANCELLED)


@cache
def parts() -> tuple[bytes, ...]:
    """The sample meeting in four parts of about equal length, cut between turns, as PCM16."""
    turns = json.loads((SAMPLE_FOLDER / "segments.json").read_text())
    gaps_s = [(before["end_s"] + after["start_s"]) / 2 for before, after in pairwise(turns)]
    pcm = sample_meeting()
    end_s = len(pcm) / BYTES_PER_SAMPLE / SAMPLE_RATE_HZ
    inner_s = [min(gaps_s, key=lambda gap_s: abs(gap_s - end_s * part / LIVE)) for part in range(1, LIVE)]
    edges = [0, *(samples_of_s(each_s) * BYTES_PER_SAMPLE for each_s in inner_s), len(pcm)]
    return tuple(pcm[first:last] for first, last in pairwise(edges))


@cache
def recording(part: int) -> bytes:
    """A part of the sample meeting as a FLAC file."""
    file = BytesIO()
    soundfile.write(file, np.frombuffer(parts()[part], dtype="<i2"), SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return file.getvalue()


@dataclass
class Load:
    """The meetings of one round.

    `uploaded` holds the part of the sample meeting by the id of an upload's meeting. `decoded_samples` is what was seen
    of the files when a decoder was killed last.
    """

    running: RunningStack
    live: list[StreamedMeeting] = field(default_factory=list)
    uploaded: dict[str, int] = field(default_factory=dict)
    decoded_samples: int = -1

    def begin(self, speed: float) -> None:
        """Start to stream all meetings, at *speed* times real time, and send the files."""
        for pcm in parts():
            meeting = self.running.create(main=pcm)
            self.live.append(meeting)
            self.running.start_streaming(meeting, speed)
        for part in range(UPLOADS):
            self.upload(part)

    def upload(self, part: int) -> None:
        """Send a part as a file, though the same file was sent before. Tries again while the API is away."""

        def send() -> httpx.Response:
            url = f"{self.running.stack.api_url}/v1/uploads"
            file = {"file": (f"part-{part}.flac", recording(part))}
            return httpx.post(url, params={"again": True}, files=file, trust_env=False, timeout=60)

        sent = wait_until(
            "the API takes a file",
            send,
            lambda answer: answer.status_code == httpx.codes.CREATED,
            retry_on=httpx.HTTPError,
            patience_s=PATIENCE_S,
            poll_s=0.5,
        )
        self.uploaded[sent.json()["meeting_id"]] = part

    @property
    def meeting_ids(self) -> list[str]:
        return [*(each.meeting_id for each in self.live), *self.uploaded]

    @property
    def parts_by_meeting(self) -> dict[str, int]:
        return {**{each.meeting_id: part for part, each in enumerate(self.live)}, **self.uploaded}

    def track_ids(self) -> dict[str, str]:
        """The meeting of each track."""
        with self.running.database.read() as session:
            chosen = select(Track.id, Track.meeting_id).where(Track.meeting_id.in_(self.meeting_ids))
            return dict(session.execute(chosen).tuples().all())

    def committed_samples(self) -> int:
        with self.running.database.read() as session:
            chosen = select(Track.committed_sample).where(Track.meeting_id.in_(self.meeting_ids))
            return sum(session.scalars(chosen))

    def samples_of_files(self) -> int:
        """The samples that the transcribe workers have seen of the files."""
        with self.running.database.read() as session:
            chosen = select(Track.received_sample).where(Track.meeting_id.in_(self.uploaded))
            return sum(session.scalars(chosen))

    @property
    def samples(self) -> int:
        """The samples of all audio of the load."""
        return sum(len(parts()[part]) // BYTES_PER_SAMPLE for part in self.parts_by_meeting.values())

    def is_transcribed(self) -> bool:
        return self.committed_samples() >= self.samples

    def is_finished(self) -> bool:
        with self.running.database.read() as session:
            states = session.scalars(select(Meeting.state).where(Meeting.id.in_(self.meeting_ids))).all()
        return set(states) <= {MeetingState.FINISHED, MeetingState.DELETED}

    def upload_states(self) -> list[str]:
        with self.running.database.read() as session:
            return list(session.scalars(select(Upload.state).where(Upload.meeting_id.in_(self.uploaded))))

    def holders(self) -> dict[str, Status]:
        """The mailbox of each track of the load that a worker holds."""
        held = {}
        for track_id in self.track_ids():
            try:
                status = self.running.mailbox.status(track_id)
            except MailboxMissing:
                continue
            if status.lease_ms is not None:
                held[track_id] = status
        return held

    def wait(self) -> None:
        """Wait until all is finished. Raises what a client raised."""
        for meeting in self.live:
            self.running.wait_until_streamed(meeting)

        def states() -> list[str]:
            return self.upload_states()

        wait_until(
            "the uploads have ended",
            states,
            lambda seen: set(seen) <= set(ENDED),
            retry_on=Unavailable,
            patience_s=PATIENCE_S,
        )

    def account(self, undisturbed: dict[str, str]) -> Account:
        """*undisturbed* holds the text of each part by `live-PART` and `file-PART`; empty leaves words out."""
        total = Account()
        for meeting_id, part in self.parts_by_meeting.items():
            samples = len(parts()[part]) // BYTES_PER_SAMPLE
            kind = "file" if meeting_id in self.uploaded else "live"
            with self.running.database.read() as session:
                names = session.scalars(select(Track.name).where(Track.meeting_id == meeting_id)).all()
            received = dict.fromkeys(names or ["main"], samples)
            total += Account.of(self.running.database, meeting_id, received, undisturbed.get(f"{kind}-{part}", ""))
        for meeting in self.live:
            text = self.running.transcript(meeting)
            total.views_wrong += sum(view.text != text or view.final is None for view in meeting.views.values())
        return total

    def texts(self) -> dict[str, str]:
        """What this load heard, in the form that `account` takes."""
        found = {}
        for meeting_id, part in self.parts_by_meeting.items():
            kind = "file" if meeting_id in self.uploaded else "live"
            found[f"{kind}-{part}"] = self.running.transcript(StreamedMeeting(meeting_id, {}))
        return found

    def leftover_keys(self) -> list[str]:
        """Keys without an expiry that name a meeting or a track of this load."""
        names = [*self.meeting_ids, *self.track_ids()]
        keys = [key.decode() for key in self.running.redis.scan_iter(count=1000)]
        named = [key for key in keys if any(name in key for name in names)]
        return [key for key in named if self.running.redis.ttl(key) == -1]
