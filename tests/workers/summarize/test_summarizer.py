"""The summarizer on a real database with the real model: every row is written once, however often it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import select

from schema.core.database import Database
from schema.core.errors import MailboxMissing
from schema.core.states import MeetingState, SummaryKind
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Meeting, Note, Segment, Summary
from schema.minutes.minutes import MINUTES, Minutes
from schema.off_record.passages import lift_passage, mark_off_record
from schema.typed_notes.notes import add_typed_note
from tests.declaration import CHINESE, JAPANESE, THAI
from tests.workers.sample_transcript import FIRST_TURNS, TURNS, commit_turns, end_meeting
from tests.workers.worker_rig import WorkerRig
from workers.summarize.store import read_snapshot
from workers.summarize.writing.generator import PromptFormat
from workers.summarize.writing.model import TextModel

pytestmark = pytest.mark.model

GERMAN = (
    "Also, der neue Ofen in der Bäckerei wird am Montag geliefert und braucht einen stärkeren Anschluss.",
    "Der Elektriker hat den Anschluss für den Ofen schon geprüft, der Strom reicht nicht.",
    "Dann backen wir bis dahin weniger Brot und bestellen den Rest bei der anderen Bäckerei.",
    "Die Kunden haben gestern schon gefragt, warum es am Nachmittag keine Brötchen mehr gibt.",
    "Wir hängen einen Zettel an die Tür, auf dem steht, dass der Ofen umgebaut wird.",
    "Der alte Ofen geht an die Schule, die holen ihn am Dienstag mit einem Anhänger ab.",
    "Und was machen wir mit den beiden Aushilfen, wenn drei Tage lang nicht gebacken wird?",
    "Die können das Lager aufräumen, das wollten wir ohnehin schon seit dem Sommer machen.",
    "Für den neuen Anschluss brauchen wir noch die Zustimmung des Vermieters, der war aber bisher freundlich.",
    "Ich habe ihm letzte Woche geschrieben und warte noch immer auf seine Antwort.",
    "Wenn er bis Freitag nichts sagt, rufen wir ihn an, sonst verlieren wir den Termin.",
    "Mehr haben wir heute nicht, danke euch allen und bis zum nächsten Mal.",
)


def minutes(rig: WorkerRig, kind: SummaryKind) -> list[Minutes]:
    with rig.database.read() as session:
        rows = session.scalars(select(Summary).where(Summary.kind == kind).order_by(Summary.version)).all()
    return [MINUTES.validate_python(row.body) for row in rows]


def notes(rig: WorkerRig) -> list[int]:
    """The number of segments of each window note, in order."""
    with rig.database.read() as session:
        keys = session.scalars(select(Note.id).order_by(Note.ordinal)).all()
        held = session.scalars(select(Segment.note_id)).all()
    return [held.count(key) for key in keys]


def rows(database: Database) -> list[tuple[str, int, int]]:
    """All notes and summaries, for comparison."""
    with database.read() as session:
        notes = session.scalars(select(Note).order_by(Note.id)).all()
        summaries = session.scalars(select(Summary).order_by(Summary.id)).all()
    return [
        *(("note", note.id, note.seq) for note in notes),
        *((summary.kind, summary.id, summary.seq) for summary in summaries),
    ]


class InterruptedTextModel(TextModel):
    """The real model. It calls *meanwhile* before it writes for the first time."""

    def __init__(self, model: TextModel, meanwhile: Callable[[], None]) -> None:
        self.__dict__.update(model.__dict__)
        self.meanwhile: Callable[[], None] | None = meanwhile

    @property
    def asked(self) -> PromptFormat | None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().asked


@pytest.fixture
def live(rig: WorkerRig) -> WorkerRig:
    """A rig with a live meeting `m`."""
    rig.open_meeting()
    return rig


def test_enough_new_words_make_rolling_minutes_and_a_second_run_changes_nothing(
    live: WorkerRig, gemma: TextModel
) -> None:
    commit_turns(live, FIRST_TURNS)
    live.summarizer(gemma).run("m")
    (rolling,) = minutes(live, SummaryKind.ROLLING)
    assert rolling.overview
    before = rows(live.database)
    live.summarizer(gemma).run("m")
    assert rows(live.database) == before


@pytest.mark.parametrize(("language", "said"), [("zh", CHINESE), ("ja", JAPANESE), ("th", THAI)])
def test_scripts_without_spaces_are_summarised_as_often_as_others(
    rig: WorkerRig, gemma: TextModel, language: str, said: Sequence[str]
) -> None:
    rig.open_meeting(language=language)
    commit_turns(rig, timed(said[:1]))
    rig.summarizer(gemma).run("m")
    assert minutes(rig, SummaryKind.ROLLING) == []
    commit_turns(rig, timed(said[1:3], start_s=20))
    rig.summarizer(gemma).run("m")
    assert [bool(each.overview) for each in minutes(rig, SummaryKind.ROLLING)] == [True]
    commit_turns(rig, timed([*said[3:], *said[:3]], start_s=60))
    rig.summarizer(gemma).run("m")
    assert len(notes(rig)) == 1


def timed(said: Sequence[str], start_s: int = 0) -> list[tuple[float, str]]:
    """Each of *said* with the second at which it ends."""
    return [(start_s + 20.0 * number, text) for number, text in enumerate(said, 1)]


@pytest.mark.parametrize("language", ["de", "auto"])
def test_the_language_is_that_of_the_meeting_and_not_of_a_window(
    rig: WorkerRig, gemma: TextModel, language: str
) -> None:
    """English rules make tasks of English talk; in a German meeting also English sentences stand as they were said."""
    rig.open_meeting(language=language)
    commit_turns(rig, timed(GERMAN))
    with rig.database.read() as session:
        snapshot = read_snapshot(session, "m")
    assert snapshot is not None
    assert snapshot.language == "de"
    commit_turns(rig, [(20.0 * len(GERMAN) + end_s, text) for end_s, text in TURNS])
    end_meeting(rig)
    rig.summarizer(gemma).run("m")
    (final,) = minutes(rig, SummaryKind.FINAL)
    assert final.overview
    assert not any(action.owner and action.text.startswith(f"{action.owner} will") for action in final.actions)


def test_a_few_words_make_no_minutes(live: WorkerRig, gemma: TextModel) -> None:
    commit_turns(live, TURNS[:1])
    live.summarizer(gemma).run("m")
    assert rows(live.database) == []


def test_a_full_window_becomes_a_note_in_a_live_meeting(live: WorkerRig, gemma: TextModel) -> None:
    commit_turns(live, TURNS)
    live.summarizer(gemma).run("m")
    assert len(notes(live)) == 1
    assert len(minutes(live, SummaryKind.ROLLING)) == 1
    assert live.state() == MeetingState.LIVE


def test_final_minutes_are_written_once_and_name_date_and_owners(live: WorkerRig, gemma: TextModel) -> None:
    commit_turns(live, TURNS)
    end_meeting(live)
    live.summarizer(gemma).run("m")
    (final,) = minutes(live, SummaryKind.FINAL)
    assert "Monday, the ninth" in " ".join(decision.text for decision in final.decisions)
    assert {"Tom", "Priya", "Leo"} <= {action.owner for action in final.actions}
    assert sum(notes(live)) == live.count(Segment)
    assert live.state() == MeetingState.FINISHED
    with pytest.raises(MailboxMissing):
        live.mailbox.status("m-main")
    before = rows(live.database)
    live.summarizer(gemma).run("m")
    assert rows(live.database) == before


def test_a_meeting_without_speech_gets_empty_minutes_and_is_finished(live: WorkerRig, gemma: TextModel) -> None:
    end_meeting(live)
    live.summarizer(gemma).run("m")
    assert minutes(live, SummaryKind.FINAL) == [Minutes()]
    assert live.state() == MeetingState.FINISHED


def test_a_worker_leaves_a_meeting_alone_that_another_one_summarises(live: WorkerRig, gemma: TextModel) -> None:
    commit_turns(live, FIRST_TURNS)
    end_meeting(live)
    seen: list[list[tuple[str, int, int]]] = []

    def other() -> None:
        live.summarizer(gemma, "second").run("m")
        seen.append(rows(live.database))

    live.summarizer(InterruptedTextModel(gemma, other)).run("m")
    assert seen == [[]]
    assert len(minutes(live, SummaryKind.FINAL)) == 1


def test_two_workers_on_one_meeting_write_everything_once(live: WorkerRig, gemma: TextModel) -> None:
    commit_turns(live, FIRST_TURNS)
    end_meeting(live)

    def other() -> None:
        live.redis.flushdb()
        live.summarizer(gemma, "second").run("m")

    live.summarizer(InterruptedTextModel(gemma, other)).run("m")
    assert notes(live) == [live.count(Segment)]
    assert len(minutes(live, SummaryKind.FINAL)) == 1
    assert live.state() == MeetingState.FINISHED


def test_a_meeting_deleted_while_its_note_is_written_leaves_nothing(live: WorkerRig, gemma: TextModel) -> None:
    commit_turns(live, FIRST_TURNS)
    end_meeting(live)

    def delete() -> None:
        delete_meeting(live.stores, "m")

    live.summarizer(InterruptedTextModel(gemma, delete)).run("m")
    assert rows(live.database) == []
    assert live.state() == MeetingState.DELETED


def test_a_note_typed_on_a_passage_that_is_noted_has_its_note_written_again_once(
    live: WorkerRig, gemma: TextModel
) -> None:
    commit_turns(live, TURNS)
    live.summarizer(gemma).run("m")
    [(_, note_id, before), *_] = rows(live.database)
    with live.database.write() as session:
        add_typed_note(session, "m", "backup", 0, None, "local")
    live.summarizer(gemma).run("m")
    [(_, same_id, after), *_] = found = rows(live.database)
    assert (same_id, after > before) == (note_id, True)
    live.summarizer(gemma).run("m")
    assert rows(live.database) == found


def test_what_goes_off_the_record_leaves_notes_and_minutes_and_comes_back_when_it_is_lifted(
    live: WorkerRig, gemma: TextModel
) -> None:
    commit_turns(live, FIRST_TURNS)
    end_meeting(live)
    live.summarizer(gemma).run("m")
    with live.database.write() as session:
        passage = mark_off_record(session, "m", 0, None).id
    live.summarizer(gemma).run("m")
    with live.database.write() as session:
        lift_passage(session, "m", passage)
    live.summarizer(gemma).run("m")
    first, without, lifted = minutes(live, SummaryKind.FINAL)
    assert first.overview
    assert (without.overview, without.chapters, without.actions) == ((), (), ())
    assert [each.text for each in lifted.overview] == [each.text for each in first.overview]
    assert live.state() == MeetingState.FINISHED


def test_a_window_that_is_off_the_record_from_end_to_end_is_noted_without_the_writer(
    live: WorkerRig, gemma: TextModel
) -> None:
    commit_turns(live, [(20.0, "This is off the record."), (40.0, "Tom will resign on Monday.")])
    end_meeting(live)
    live.summarizer(gemma).run("m")
    (final,) = minutes(live, SummaryKind.FINAL)
    assert (final.overview, final.actions, final.chapters) == ((), (), ())
    assert live.state() == MeetingState.FINISHED


def test_the_template_of_a_meeting_gives_its_minutes_sections(live: WorkerRig, gemma: TextModel) -> None:
    with live.database.write() as session:
        session.get_one(Meeting, "m").template = "stand-up"
    commit_turns(live, TURNS)
    end_meeting(live)
    live.summarizer(gemma).run("m")
    (final,) = minutes(live, SummaryKind.FINAL)
    assert [section.heading for section in final.sections] == ["Done", "In progress", "Blocked", "Next"]
