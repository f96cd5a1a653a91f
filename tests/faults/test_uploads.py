"""Files through a running stack: sent by the command, and kill -9 of whoever works on them in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from deploy.wer import word_error_rate
from schema.errors import MailboxMissing
from schema.states import MeetingState, UploadState
from schema.tables import Coverage, Failure, Meeting, Track, Upload
from schema.units import samples_of_s
from tests.hall import ALL_BUT_FLOWER, PATIENCE_S, SAMPLE, TIES, Hall, Sitting, eventually, hall

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

PROCESSES = (*ALL_BUT_FLOWER, "ingest")
BACKLOG_S = 60
"""Of 193 s: most of the file is still to be decoded when its beginning is being transcribed."""
WER_LIMIT = 0.05
FILE = SAMPLE / "meeting.flac"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    folder = tmp_path_factory.mktemp("uploads")
    with hall(folder, PROCESSES, {"MINUTEBOOK_BACKLOG_LIMIT_S": str(BACKLOG_S)}) as opened:
        yield opened


def command(house: Hall, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "MINUTEBOOK_URL": house.stack.api_url, "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def send(house: Hall) -> Sitting:
    """The sample meeting as an upload; again, since each test sends the same bytes."""
    answer = httpx.post(
        f"{house.stack.api_url}/v1/uploads",
        params={"again": True},
        files={"file": (FILE.name, FILE.read_bytes())},
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
    assert edges[-1] == track.committed_sample == upload.duration_samples == samples_of_s(193.464125)
    assert {row.kind for row in rows} <= {"transcribed", "silent"}
    assert house.final(sitting).overview


@cache
def undisturbed(house: Hall) -> str:
    sitting = finished(house, send(house))
    assert_whole(house, sitting)
    return house.text(sitting)


def disturbed(house: Hall, disturb: Callable[[Sitting], None]) -> None:
    """The transcript is that of a file with which nothing happened."""
    like = undisturbed(house)
    sitting = send(house)
    eventually("it is half way", lambda: half_way(house, sitting))
    disturb(sitting)
    finished(house, sitting)
    assert_whole(house, sitting)
    assert word_error_rate([(like, house.text(sitting))]) <= TIES


def test_the_command_sends_a_file_and_waits_for_its_minutes(house: Hall, tmp_path: Path) -> None:
    bad = tmp_path / "notes.wav"
    bad.write_text("These are no sounds.\n" * 100)
    waiting = command(house, "upload", str(FILE), str(bad), "--wait", "--json")
    out, err = waiting.communicate(timeout=PATIENCE_S)
    assert waiting.returncode == 1  # for the second
    heard, refused = (json.loads(line) for line in out.decode().splitlines())
    assert (heard["state"], heard["percent"], heard["name"]) == ("finished", 100.0, "meeting.flac"), err.decode()
    assert (refused["state"], refused["reason"]) == ("failed", "not_media")
    sitting = Sitting(heard["meeting_id"], {})
    assert_whole(house, sitting)
    assert word_error_rate([((SAMPLE / "reference.txt").read_text(), house.text(sitting))]) <= WER_LIMIT
    shown = command(house, "show", heard["meeting_id"]).communicate(timeout=60)[0].decode()
    assert "payment" in shown


def test_a_recording_that_is_read_again_keeps_what_was_corrected(house: Hall) -> None:
    first = finished(house, send(house)).meeting_id
    heard = [json.loads(line) for line in told(house, "segments", first, "--json")]
    wrong = next(each for each in heard if "launch" in each["text"])
    meant = "Olga will order a new scanner by Friday."
    (corrected,) = told(house, "correct", first, str(wrong["id"]), "--text", meant, "--json")
    assert json.loads(corrected)["version"] == 2
    (begun,) = told(house, "reprocess", first, "--vocabulary", "Priya", "--wait", "--json")
    second = json.loads(begun)["meeting"]["id"]
    assert_whole(house, Sitting(second, {}))
    assert word_error_rate([(house.text(Sitting(first, {})), house.text(Sitting(second, {})))]) <= TIES
    eventually("the old minutes have it", lambda: "Olga" in minutes_of(house, first))
    assert "Olga" in minutes_of(house, second)
    assert meant in "\n".join(told(house, "show", second, "--format", "txt"))
    assert any(second in line for line in told(house, "list"))
    assert not any(first in line for line in told(house, "list"))
    assert told(house, "show", first, "--version", "2") == told(house, "show", second)


def told(house: Hall, *arguments: str) -> list[str]:
    """The lines of a command that succeeds."""
    asked = command(house, *arguments)
    out, err = asked.communicate(timeout=PATIENCE_S)
    assert asked.returncode == 0, err.decode()
    return out.decode().splitlines()


def minutes_of(house: Hall, meeting_id: str) -> str:
    return "\n".join(told(house, "show", meeting_id, "--format", "txt")).partition("\nTranscript\n")[0]


def test_the_ingest_worker_killed_in_the_middle_of_a_file(house: Hall) -> None:
    disturbed(house, lambda _: house.stack.kill("ingest"))


def test_the_transcribe_worker_killed_in_the_middle_of_a_file(house: Hall) -> None:
    disturbed(house, lambda _: house.stack.kill("transcribe"))


def test_a_file_cancelled_in_the_middle_leaves_nothing(house: Hall) -> None:
    sitting = send(house)
    eventually("it is half way", lambda: half_way(house, sitting))
    upload_id = upload_of(house, sitting).id
    track_id = house.track_id(sitting)
    url = f"{house.stack.api_url}/v1/uploads/{upload_id}"
    assert httpx.delete(url, trust_env=False, timeout=60).status_code == 204
    assert not (house.stack.data_dir / "files" / upload_id).exists()

    def is_forgotten() -> bool:
        try:
            house.mailbox.status(track_id)
        except MailboxMissing:
            return True
        return False

    eventually("its mailbox is gone", is_forgotten)
    with house.database.read() as session:
        assert session.get_one(Meeting, sitting.meeting_id).state == MeetingState.DELETED
        assert session.scalars(select(Track).where(Track.meeting_id == sitting.meeting_id)).all() == []
