"""Files through a running stack: sent by the command, and kill -9 of whoever works on them in the middle."""

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
from schema.meetings.tables import Coverage, Failure, Meeting, Track
from schema.uploads.tables import Upload
from tests.faults.conftest import BACKLOG_S
from tests.hall import PATIENCE_S, SAMPLE, TIES, Hall, Sitting, eventually, spoken
from workers.asr.error_rates import word_error_rate

pytestmark = pytest.mark.faults

WER_LIMIT = 0.05
FILE_S = 103
"""The first sixteen turns of the sample meeting."""
assert FILE_S > 2 * BACKLOG_S, "most of the file is still to be decoded when its beginning is being transcribed"
FILE_TIES = 0.01
"""A file's windows do not depend on who reads them when, but how many are read at once may turn a tie: three words."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    samples, rate = soundfile.read(SAMPLE / "meeting.flac", dtype="int16", stop=samples_of_s(FILE_S))
    path = tmp_path_factory.mktemp("file") / "meeting.flac"
    soundfile.write(path, samples, rate)
    return path


def command(house: Hall, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "MINUTEBOOK_URL": house.stack.api_url, "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def send(house: Hall, file: Path) -> Sitting:
    """As an upload; again, since each test sends the same bytes."""
    answer = httpx.post(
        f"{house.stack.api_url}/v1/uploads",
        params={"again": True},
        files={"file": (file.name, file.read_bytes())},
        trust_env=False,
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    return Sitting(answer.json()["meeting_id"], {})


def upload_of(house: Hall, sitting: Sitting) -> Upload:
    with house.database.read() as session:
        return session.scalars(select(Upload).where(Upload.meeting_id == sitting.meeting_id)).one()


def half_way(house: Hall, sitting: Sitting) -> bool:
    """Some of it is transcribed while more is still to be decoded."""
    try:
        committed = house.status(sitting).committed_sample
    except MailboxMissing:
        return False
    return committed > 0 and upload_of(house, sitting).state == UploadState.DECODING


def finished(house: Hall, sitting: Sitting) -> Sitting:
    eventually("the upload is finished", lambda: upload_of(house, sitting).state == UploadState.FINISHED)
    return sitting


def assert_whole(house: Hall, sitting: Sitting) -> None:
    """Every sample of the file is accounted for, once; there are final minutes and no failures."""
    upload = upload_of(house, sitting)
    with house.database.read() as session:
        track = session.scalars(select(Track).where(Track.meeting_id == sitting.meeting_id)).one()
        chosen = select(Coverage).where(Coverage.track_id == track.id).order_by(Coverage.first_sample)
        rows = session.scalars(chosen).all()
        assert session.scalars(select(Failure)).all() == []
        assert session.get_one(Meeting, sitting.meeting_id).state == MeetingState.FINISHED
    edges = [0, *(row.end_sample for row in rows)]
    assert [row.first_sample for row in rows] == edges[:-1]
    assert edges[-1] == track.committed_sample == upload.duration_samples == samples_of_s(FILE_S)
    assert {row.kind for row in rows} <= {"transcribed", "silent"}
    assert house.final(sitting).overview


@pytest.fixture(scope="module")
def answers(faulty: Hall, file: Path) -> list[dict[str, Any]]:
    """What the command says, while nobody disturbs it, of the file and of one that is none."""
    bad = file.with_name("notes.wav")
    bad.write_text("These are no sounds.\n" * 100)
    waiting = command(faulty, "upload", str(file), str(bad), "--wait", "--json")
    out, err = waiting.communicate(timeout=PATIENCE_S)
    assert waiting.returncode == 1, err.decode()  # for the second
    return [json.loads(line) for line in out.decode().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(faulty: Hall, answers: list[dict[str, Any]]) -> str:
    return faulty.text(Sitting(answers[0]["meeting_id"], {}))


def disturbed(house: Hall, file: Path, like: str, disturb: Callable[[], None]) -> None:
    """The transcript is *like* that of the file with which nothing happened."""
    sitting = send(house, file)
    eventually("it is half way", lambda: half_way(house, sitting))
    disturb()
    assert_whole(house, finished(house, sitting))
    assert word_error_rate([(like, house.text(sitting))]) <= FILE_TIES


def test_the_command_sends_a_file_and_waits_for_its_minutes(faulty: Hall, answers: list[dict[str, Any]]) -> None:
    heard, refused = answers
    assert (heard["state"], heard["percent"], heard["name"]) == ("finished", 100.0, "meeting.flac")
    assert (refused["state"], refused["reason"]) == ("failed", "not_media")
    sitting = Sitting(heard["meeting_id"], {})
    assert_whole(faulty, sitting)
    assert word_error_rate([(spoken(FILE_S), faulty.text(sitting))]) <= WER_LIMIT
    shown = command(faulty, "show", heard["meeting_id"]).communicate(timeout=60)[0].decode()
    assert "payment" in shown


def test_a_recording_that_is_read_again_keeps_what_was_corrected(faulty: Hall, file: Path) -> None:
    first = finished(faulty, send(faulty, file)).meeting_id
    heard = [json.loads(line) for line in told(faulty, "segments", first, "--json")]
    wrong = next(each for each in heard if "launch" in each["text"])
    meant = "Olga will order a new scanner by Friday."
    (corrected,) = told(faulty, "correct", first, str(wrong["id"]), "--text", meant, "--json")
    assert json.loads(corrected)["version"] == 2
    (begun,) = told(faulty, "reprocess", first, "--vocabulary", "Priya", "--wait", "--json")
    second = json.loads(begun)["meeting"]["id"]
    assert_whole(faulty, Sitting(second, {}))
    assert word_error_rate([(faulty.text(Sitting(first, {})), faulty.text(Sitting(second, {})))]) <= TIES
    eventually("the old minutes have it", lambda: "Olga" in minutes_of(faulty, first))
    assert "Olga" in minutes_of(faulty, second)
    assert meant in "\n".join(told(faulty, "show", second, "--format", "txt"))
    assert any(second in line for line in told(faulty, "list"))
    assert not any(first in line for line in told(faulty, "list"))
    assert told(faulty, "show", first, "--version", "2") == told(faulty, "show", second)


def told(house: Hall, *arguments: str) -> list[str]:
    """The lines of a command that succeeds."""
    asked = command(house, *arguments)
    out, err = asked.communicate(timeout=PATIENCE_S)
    assert asked.returncode == 0, err.decode()
    return out.decode().splitlines()


def minutes_of(house: Hall, meeting_id: str) -> str:
    return "\n".join(told(house, "show", meeting_id, "--format", "txt")).partition("\nTranscript\n")[0]


def test_the_ingest_worker_killed_in_the_middle_of_a_file(faulty: Hall, file: Path, undisturbed: str) -> None:
    disturbed(faulty, file, undisturbed, lambda: faulty.stack.kill("ingest"))


def test_the_transcribe_worker_killed_in_the_middle_of_a_file(faulty: Hall, file: Path, undisturbed: str) -> None:
    disturbed(faulty, file, undisturbed, lambda: faulty.stack.kill("transcribe"))


def test_a_file_cancelled_in_the_middle_leaves_nothing(faulty: Hall, file: Path) -> None:
    sitting = send(faulty, file)
    eventually("it is half way", lambda: half_way(faulty, sitting))
    upload_id = upload_of(faulty, sitting).id
    track_id = faulty.track_id(sitting)
    url = f"{faulty.stack.api_url}/v1/uploads/{upload_id}"
    assert httpx.delete(url, trust_env=False, timeout=60).status_code == 204
    assert not (faulty.stack.data_dir / "files" / upload_id).exists()

    def is_forgotten() -> bool:
        try:
            faulty.mailbox.status(track_id)
        except MailboxMissing:
            return True
        return False

    eventually("its mailbox is gone", is_forgotten)
    with faulty.database.read() as session:
        assert session.get_one(Meeting, sitting.meeting_id).state == MeetingState.DELETED
        assert session.scalars(select(Track).where(Track.meeting_id == sitting.meeting_id)).all() == []
