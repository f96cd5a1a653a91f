"""What users corrected becomes a data set with versions that never change."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from schema import migrate
from schema.corrections import correct, rename_speaker
from schema.database import Database
from schema.errors import InvalidData
from schema.storage import LocalFiles
from schema.tables import Meeting, Segment, Track, Upload
from schema.units import samples_of_s
from schema.uploads import add_upload
from schema.wire_uploads import NewUpload
from training.data import load, read_audio
from training.data.corrections import build

HEARD = ("the quick brown fox", "jumps over", "the lazy dog")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'm.db'}")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "files")


def sound() -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return (np.sin(np.arange(samples_of_s(6)) ** 1.4 / 3000) * 9000).astype(np.int16)


@pytest.fixture
def meeting_id(database: Database, files: LocalFiles) -> str:
    """Six seconds that were uploaded and transcribed as three segments of two seconds."""
    held = io.BytesIO()
    soundfile.write(held, sound(), 16_000, format="FLAC")
    with database.write() as session:
        upload = add_upload(
            session,
            owner="local",
            name="talk.flac",
            new=NewUpload(),
            size_bytes=len(held.getvalue()),
            expires_s=60,
            open_limit=9,
        )
        track = session.query(Track).filter_by(meeting_id=upload.meeting_id).one()
        for place, text in enumerate(HEARD):
            first, end = samples_of_s(2 * place), samples_of_s(2 * place + 2)
            words = [[f" {word}", first, end, 0.9] for word in text.split()]
            session.add(
                Segment(
                    meeting_id=upload.meeting_id, track_id=track.id, seq=place + 1, first_sample=first, end_sample=end,
                    text=text, words=words, closed=True, model="m",
                )
            )  # fmt: skip
    files.append(upload.id, 0, held.getvalue())
    files.commit(upload.id, len(held.getvalue()))
    return upload.meeting_id


def change(database: Database, meeting_id: str, place: int, text: str) -> None:
    with database.write() as session:
        segments = session.query(Segment).filter_by(meeting_id=meeting_id).order_by(Segment.id).all()
        correct(session, meeting_id, segments[place].id, {"text": text}, "anna")


def test_corrected_words_come_with_their_audio(
    tmp_path: Path, database: Database, files: LocalFiles, meeting_id: str
) -> None:
    change(database, meeting_id, 1, "jumped over")
    with database.write() as session:
        rename_speaker(session, meeting_id, None, "Anna", None, "anna")
    built = build(database, files, tmp_path / "out")
    assert (built.version, built.examples, built.with_audio, built.audio_s) == (1, 1, 1, 2.0)
    [example] = load(built.folder, needs=("audio", "text"))
    assert (example.text, example.language, example.group) == ("jumped over", "en", meeting_id)
    assert np.array_equal(read_audio(example), sound()[32_000:64_000])
    assert "examples | 1 of 1 meetings" in (built.folder / "README.md").read_text()


def test_a_version_is_made_only_of_something_new(
    tmp_path: Path, database: Database, files: LocalFiles, meeting_id: str
) -> None:
    change(database, meeting_id, 0, "the quick red fox")
    first = build(database, files, tmp_path / "out")
    again = build(database, files, tmp_path / "out")
    assert (again.fresh, again.folder, again.fingerprint) == (False, first.folder, first.fingerprint)
    change(database, meeting_id, 2, "the lazy cat")
    second = build(database, files, tmp_path / "out")
    assert (second.version, second.examples) == (2, 2)
    assert second.fingerprint != first.fingerprint
    assert json.loads((first.folder / "dataset.json").read_text())["fingerprint"] == first.fingerprint
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["v1", "v2"]


def test_words_whose_file_is_gone_come_without_audio(
    tmp_path: Path, database: Database, files: LocalFiles, meeting_id: str
) -> None:
    change(database, meeting_id, 0, "the quick red fox")
    with database.read() as session:
        upload_id = session.query(Upload.id).filter_by(meeting_id=meeting_id).scalar()
    files.delete(str(upload_id))
    built = build(database, files, tmp_path / "out")
    assert (built.examples, built.with_audio) == (1, 0)
    with pytest.raises(InvalidData, match="has no audio"):
        load(built.folder, needs=("audio", "text"))


def test_a_version_of_a_meeting_that_is_not_shown_is_left_out(
    tmp_path: Path, database: Database, files: LocalFiles, meeting_id: str
) -> None:
    change(database, meeting_id, 0, "the quick red fox")
    with database.write() as session:
        session.get_one(Meeting, meeting_id).shown = False
    with pytest.raises(InvalidData, match="Nobody has corrected a word"):
        build(database, files, tmp_path / "out")
