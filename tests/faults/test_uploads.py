"""Files through a running stack: uploaded by the command, and complete when the worker on them is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from sqlalchemy import select

from schema.core.errors import MailboxMissing
from schema.core.states import MeetingState, UploadState
from schema.core.units import samples_of_s
from schema.mailbox import Status
from schema.meetings.tables import Coverage, Failure, Meeting, Track
from schema.uploads.tables import Upload
from tests.faults.conftest import BACKLOG_S
from tests.running_stack import SAMPLE_FOLDER, TIE_WER, RunningStack, StreamedMeeting, reference_text
from tests.waiting import PATIENCE_S, wait_until
from workers.asr.error_rates import word_error_rate

pytestmark = pytest.mark.faults

WER_LIMIT = 0.05
FILE_S = 103
"""Length of the first sixteen turns of the sample meeting."""
assert FILE_S > 2 * BACKLOG_S, "most of the file must still wait for decoding when its start is transcribed"
FILE_TIE_WER = 0.01
"""Word error rate of three words. The windows of a file are always the same, but the batch size may decide ties."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    samples, rate = soundfile.read(SAMPLE_FOLDER / "meeting.flac", dtype="int16", stop=samples_of_s(FILE_S))
    path = tmp_path_factory.mktemp("file") / "meeting.flac"
    soundfile.write(path, samples, rate)
    return path


def command(running: RunningStack, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "MINUTEBOOK_URL": running.stack.api_url, "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def send(running: RunningStack, file: Path) -> StreamedMeeting:
    """Upload *file*, though the same bytes were uploaded before."""
    answer = httpx.post(
        f"{running.stack.api_url}/v1/uploads",
        params={"again": True},
        files={"file": (file.name, file.read_bytes())},
        trust_env=False,
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    return StreamedMeeting(answer.json()["meeting_id"], {})


def upload_of(running: RunningStack, meeting: StreamedMeeting) -> Upload:
    with running.database.read() as session:
        return session.scalars(select(Upload).where(Upload.meeting_id == meeting.meeting_id)).one()


def wait_until_half_way(running: RunningStack, meeting: StreamedMeeting) -> None:
    """Wait until some of the file is transcribed while more of it still has to be decoded."""
    wait_until(
        "some of the file is transcribed (committed sample, state of the upload)",
        lambda: (running.status(meeting).committed_sample, upload_of(running, meeting).state),
        lambda seen: seen[0] > 0 and seen[1] == UploadState.DECODING,
        retry_on=MailboxMissing,
    )


def wait_until_finished(running: RunningStack, meeting: StreamedMeeting) -> None:
    wait_until(
        "the upload is finished",
        lambda: upload_of(running, meeting).state,
        lambda state: state == UploadState.FINISHED,
    )


def assert_complete(running: RunningStack, meeting: StreamedMeeting) -> None:
    """Every sample of the file is accounted for once; there are final minutes and no failures."""
    upload = upload_of(running, meeting)
    with running.database.read() as session:
        track = session.scalars(select(Track).where(Track.meeting_id == meeting.meeting_id)).one()
        chosen = select(Coverage).where(Coverage.track_id == track.id).order_by(Coverage.first_sample)
        rows = session.scalars(chosen).all()
        assert session.scalars(select(Failure)).all() == []
        assert session.get_one(Meeting, meeting.meeting_id).state == MeetingState.FINISHED
    edges = [0, *(row.end_sample for row in rows)]
    assert [row.first_sample for row in rows] == edges[:-1]
    assert edges[-1] == track.committed_sample == upload.duration_samples == samples_of_s(FILE_S)
    assert {row.kind for row in rows} <= {"transcribed", "silent"}
    assert running.final_minutes(meeting).overview


@pytest.fixture(scope="module")
def answers(running: RunningStack, file: Path) -> list[dict[str, Any]]:
    """What the command prints for the file and for one that is not audio, without disturbance."""
    bad = file.with_name("notes.wav")
    bad.write_text("This is not audio.\n" * 100)
    waiting = command(running, "upload", str(file), str(bad), "--wait", "--json")
    out, err = waiting.communicate(timeout=PATIENCE_S)
    assert waiting.returncode == 1, err.decode()  # for the second file
    return [json.loads(line) for line in out.decode().splitlines()]


@pytest.fixture(scope="module")
def undisturbed_transcript(running: RunningStack, answers: list[dict[str, Any]]) -> str:
    return running.transcript(StreamedMeeting(answers[0]["meeting_id"], {}))


def assert_complete_after(
    disturb: Callable[[], None], running: RunningStack, file: Path, undisturbed_transcript: str
) -> None:
    """Call *disturb* in the middle of the file. It must end complete, with the transcript of an undisturbed run."""
    meeting = send(running, file)
    wait_until_half_way(running, meeting)
    disturb()
    wait_until_finished(running, meeting)
    assert_complete(running, meeting)
    assert word_error_rate([(undisturbed_transcript, running.transcript(meeting))]) <= FILE_TIE_WER


def test_the_command_uploads_a_file_and_waits_for_its_minutes(
    running: RunningStack, answers: list[dict[str, Any]]
) -> None:
    heard, refused = answers
    assert (heard["state"], heard["percent"], heard["name"]) == ("finished", 100.0, "meeting.flac")
    assert (refused["state"], refused["reason"]) == ("failed", "not_media")
    meeting = StreamedMeeting(heard["meeting_id"], {})
    assert_complete(running, meeting)
    assert word_error_rate([(reference_text(FILE_S), running.transcript(meeting))]) <= WER_LIMIT
    shown = command(running, "show", heard["meeting_id"]).communicate(timeout=60)[0].decode()
    assert "payment" in shown


@pytest.mark.usefixtures("undisturbed_transcript")  # it is read before the correction
def test_a_reprocessed_recording_keeps_its_corrections(running: RunningStack, answers: list[dict[str, Any]]) -> None:
    first = answers[0]["meeting_id"]
    heard = [json.loads(line) for line in output_of(running, "segments", first, "--json")]
    wrong = next(each for each in heard if "launch" in each["text"])
    meant = "Olga will order a new scanner by Friday."
    (corrected,) = output_of(running, "correct", first, str(wrong["id"]), "--text", meant, "--json")
    assert json.loads(corrected)["version"] == 2
    (begun,) = output_of(running, "reprocess", first, "--vocabulary", "Priya", "--wait", "--json")
    second = json.loads(begun)["meeting"]["id"]
    assert_complete(running, StreamedMeeting(second, {}))
    first_text, second_text = (running.transcript(StreamedMeeting(each, {})) for each in (first, second))
    assert word_error_rate([(first_text, second_text)]) <= TIE_WER
    wait_until("the old minutes name Olga", lambda: minutes_of(running, first), lambda text: "Olga" in text)
    assert "Olga" in minutes_of(running, second)
    assert meant in "\n".join(output_of(running, "show", second, "--format", "txt"))
    assert any(second in line for line in output_of(running, "list"))
    assert not any(first in line for line in output_of(running, "list"))
    assert output_of(running, "show", first, "--version", "2") == output_of(running, "show", second)


def output_of(running: RunningStack, *arguments: str) -> list[str]:
    """The lines that a command prints. It must succeed."""
    asked = command(running, *arguments)
    out, err = asked.communicate(timeout=PATIENCE_S)
    assert asked.returncode == 0, err.decode()
    return out.decode().splitlines()


def minutes_of(running: RunningStack, meeting_id: str) -> str:
    return "\n".join(output_of(running, "show", meeting_id, "--format", "txt")).partition("\nTranscript\n")[0]


def test_a_file_is_complete_when_the_ingest_worker_is_killed(
    running: RunningStack, file: Path, undisturbed_transcript: str
) -> None:
    assert_complete_after(lambda: running.stack.kill("ingest"), running, file, undisturbed_transcript)


def test_a_file_is_complete_when_the_transcribe_worker_is_killed(
    running: RunningStack, file: Path, undisturbed_transcript: str
) -> None:
    assert_complete_after(lambda: running.stack.kill("transcribe"), running, file, undisturbed_transcript)


def test_a_file_cancelled_while_it_is_decoded_leaves_nothing(running: RunningStack, file: Path) -> None:
    meeting = send(running, file)
    wait_until_half_way(running, meeting)
    upload_id = upload_of(running, meeting).id
    track_id = running.track_id(meeting)
    url = f"{running.stack.api_url}/v1/uploads/{upload_id}"
    assert httpx.delete(url, trust_env=False, timeout=60).status_code == 204
    assert not (running.stack.data_dir / "files" / upload_id).exists()

    def mailbox_status() -> Status | None:
        try:
            return running.mailbox.status(track_id)
        except MailboxMissing:
            return None

    wait_until("its mailbox is gone", mailbox_status, lambda status: status is None)
    with running.database.read() as session:
        assert session.get_one(Meeting, meeting.meeting_id).state == MeetingState.DELETED
        assert session.scalars(select(Track).where(Track.meeting_id == meeting.meeting_id)).all() == []
