"""Corrections by users become a data set with immutable versions."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import InvalidData
from schema.core.states import SummaryKind
from schema.core.storage import LocalFiles
from schema.core.units import samples_of_s
from schema.corrections.segments import correct, rename_speaker
from schema.corrections.sentences import correct_sentence
from schema.meetings.tables import Meeting, Note, Segment, Summary, Track
from schema.minutes.minutes import MINUTES, Action, Minutes, Sentence, named
from schema.uploads.lifecycle import add_upload
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload
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
    """A meeting with six seconds of uploaded audio and three segments of two seconds."""
    held = io.BytesIO()
    soundfile.write(held, sound(), 16_000, format="FLAC")
    with database.write() as session:
        upload = add_upload(
            session,
            owner="local",
            name="talk.flac",
            new=NewUpload(language="en"),
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


def test_corrected_segments_become_examples_with_their_audio(
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
    assert "| segments | 1 |" in (built.folder / "README.md").read_text()


def test_a_new_version_is_made_only_for_new_corrections(
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


def test_segments_whose_file_was_deleted_become_examples_without_audio(
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


def test_meeting_versions_that_are_not_shown_are_left_out(
    tmp_path: Path, database: Database, files: LocalFiles, meeting_id: str
) -> None:
    change(database, meeting_id, 0, "the quick red fox")
    with database.write() as session:
        session.get_one(Meeting, meeting_id).shown = False
    with pytest.raises(InvalidData, match="There are no corrections"):
        build(database, files, tmp_path / "out")


@pytest.fixture
def with_minutes(database: Database, meeting_id: str) -> str:
    """The meeting with final minutes of two windows: two sentences cite the first window, an action the second."""
    with database.write() as session:
        segments = session.query(Segment).filter_by(meeting_id=meeting_id).order_by(Segment.id).all()
        for ordinal, held in enumerate((segments[:2], segments[2:])):
            span = {"first_sample": held[0].first_sample, "end_sample": held[-1].end_sample}
            note = Note(meeting_id=meeting_id, seq=9, ordinal=ordinal, body={}, model="m", **span)
            session.add(note)
            session.flush()
            for segment in held:
                segment.note_id = note.id
        first, second, third = (segment.id for segment in segments)
        fox = Sentence("A brown fox is quick.", (first,))
        minutes = Minutes(
            overview=(fox, Sentence("It jumps.", (second,))), decisions=(fox,),
            actions=(Action("Wakes the dog", "Anna", None, (third,)),),
        )  # fmt: skip
        session.add(
            Summary(
                meeting_id=meeting_id, seq=10, kind=SummaryKind.FINAL, version=1, through_sample=0, model="m",
                body=MINUTES.dump_python(minutes, mode="json"),
            )
        )  # fmt: skip
        segments[0].speaker = "Anna"
    return meeting_id


def correct_minutes(database: Database, meeting_id: str, written: str, text: str) -> None:
    key = named(Minutes(overview=(Sentence(written),))).overview[0].id
    with database.write() as session:
        correct_sentence(session, meeting_id, key, {"text": text}, "anna")


def test_corrected_minutes_become_examples_with_the_text_of_their_window(
    tmp_path: Path, database: Database, files: LocalFiles, with_minutes: str
) -> None:
    correct_minutes(database, with_minutes, "A brown fox is quick.", "The fox is quick and brown.")
    built = build(database, files, tmp_path / "out")
    assert (built.version, built.examples, built.windows) == (1, 0, 1)
    [example] = load(built.folder, "minutes", needs=("text", "summary"))
    assert example.text == "Anna: the quick brown fox\njumps over"
    assert example.summary == "The fox is quick and brown. It jumps."
    assert example.group == with_minutes
    correct_minutes(database, with_minutes, "It jumps.", "")
    change(database, with_minutes, 2, "the lazy cat")
    second = build(database, files, tmp_path / "out")
    assert (second.version, second.examples, second.windows) == (2, 1, 1)
    assert [each.summary for each in load(second.folder, "minutes")] == ["The fox is quick and brown."]
    assert [each.text for each in load(second.folder)] == ["the lazy cat"]
    assert not build(database, files, tmp_path / "out").fresh
    assert "| windows with minutes | 1 |" in (second.folder / "README.md").read_text()


def test_minutes_with_an_undone_correction_become_no_example(
    tmp_path: Path, database: Database, files: LocalFiles, with_minutes: str
) -> None:
    correct_minutes(database, with_minutes, "It jumps.", "It leaps.")
    correct_minutes(database, with_minutes, "It jumps.", "It jumps.")
    with pytest.raises(InvalidData, match="of transcripts or minutes"):
        build(database, files, tmp_path / "out")
